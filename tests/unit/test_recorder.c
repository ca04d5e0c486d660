/* test_recorder.c — what the writer of recordings does when there is no room, and when it wants key frames. */
#define _GNU_SOURCE /* memfd_create */
#include "hr_err.h"
#include "record.h"
#include "recorder.h"
#include "recording.h"
#include "test.h"

#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

/* {"v": "…"}: the recording does not ask what a frame says. */
static const char frame_bytes[] = "\x81\xA1v\xD9\x60"
                                  "................................................"
                                  "................................................";
static const struct hrv_text frame = {frame_bytes, sizeof frame_bytes - 1};

static struct hrv_recorder *begin(int *fd, char path[32])
{
	struct hrv_recorder *recorder = NULL;

	*fd = memfd_create("recording", MFD_CLOEXEC);
	assert_true(*fd >= 0);
	snprintf(path, 32, "/proc/self/fd/%d", *fd);
	assert_int_equal(hrv_recorder_begin(*fd, 1,
	                                    HRV_TEXT("\x81\xA2id\xB0"
	                                             "00c0ffee12345678"),
	                                    &recorder),
	                 0);
	return recorder;
}

static void test_full_disk_leaves_whole_records(void **state)
{
	(void)state;
	struct rlimit before, limit;
	char path[32], why[HRV_RECORDING_WHY_BYTES];
	int fd, err = 0;
	uint64_t at_ms = 0;
	struct hrv_recorder *recorder = begin(&fd, path);
	struct hrv_recording *recording;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = (struct rlimit){5000, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	while (err == 0 && at_ms < 100) {
		err = hrv_recorder_put_frame(recorder, at_ms == 0, false, at_ms, frame);
		at_ms += err == 0;
	}
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(err, HR_EIO);
	assert_int_equal(hrv_recorder_frames(recorder), at_ms);
	assert_int_equal(lseek(fd, 0, SEEK_END), hrv_recorder_bytes(recorder));
	assert_int_equal(hrv_recording_open(path, &recording, why), 0);
	assert_int_equal(hrv_recording_facts(recording)->frames, at_ms);
	assert_int_equal(hrv_recording_facts(recording)->torn_bytes, 0);
	hrv_recording_close(recording);
	hrv_recorder_free(recorder);
	close(fd);
}

static void test_key_frames_are_wanted_for_time_but_not_for_their_own_sake(void **state)
{
	(void)state;
	char path[32];
	int fd;
	struct hrv_recorder *recorder = begin(&fd, path);
	static char large[3 << 20];

	assert_true(hrv_recorder_wants_key(recorder, 0));
	assert_int_equal(hrv_recorder_put_frame(recorder, true, false, 0, frame), 0);
	assert_false(hrv_recorder_wants_key(recorder, 1000000)); /* nothing has happened since */
	while (hrv_recorder_bytes(recorder) < 4 * frame.len_bytes)
		assert_int_equal(hrv_recorder_put_frame(recorder, false, false, 5000, frame), 0);
	assert_false(hrv_recorder_wants_key(recorder, 9999));
	assert_true(hrv_recorder_wants_key(recorder, 10000));
	assert_int_equal(hrv_recorder_put_frame(recorder, false, false, 5001, (struct hrv_text){large, sizeof large}),
	                 0);
	assert_false(hrv_recorder_wants_key(recorder, 5002));
	assert_int_equal(hrv_recorder_put_frame(recorder, false, false, 5002, (struct hrv_text){large, sizeof large}),
	                 0);
	assert_true(hrv_recorder_wants_key(recorder, 5003));
	assert_int_equal(hrv_recorder_put_frame(recorder, true, false, 5003, (struct hrv_text){large, sizeof large}),
	                 0);
	assert_false(hrv_recorder_wants_key(recorder, 100000));

	/* The rest of a key frame belongs to it. */
	assert_int_equal(hrv_recorder_put_frame(recorder, true, true, 5003, (struct hrv_text){large, sizeof large}), 0);
	assert_int_equal(hrv_recorder_put_frame(recorder, false, true, 5003, (struct hrv_text){large, sizeof large}),
	                 0);
	assert_int_equal(hrv_recorder_put_frame(recorder, false, false, 5003, (struct hrv_text){large, sizeof large}),
	                 0);
	assert_int_equal(hrv_recorder_put_frame(recorder, false, false, 5003, (struct hrv_text){large, sizeof large}),
	                 0);
	assert_int_equal(hrv_recorder_put_frame(recorder, false, false, 5003, (struct hrv_text){large, sizeof large}),
	                 0);
	assert_false(hrv_recorder_wants_key(recorder, 100000));
	assert_int_equal(hrv_recorder_put_frame(recorder, false, false, 5003, (struct hrv_text){large, sizeof large}),
	                 0);
	assert_true(hrv_recorder_wants_key(recorder, 100000));
	hrv_recorder_free(recorder);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_full_disk_leaves_whole_records),
	        cmocka_unit_test(test_key_frames_are_wanted_for_time_but_not_for_their_own_sake),
	};
	return cmocka_run_group_tests_name("recorder", tests, NULL, NULL);
}
