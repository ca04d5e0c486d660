/* export_speedscope.c — speedscope's JSON: a profile for each thread, samples in order of time. See export.h. */
#include "export.h"
#include "hr_err.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* A frame is a line of a function, so the flame graph shows where in it time goes. */
static json_t *frame_json(const struct hrv_dump *dump, const struct hrv_place *place)
{
	struct hrv_frame frame = {.code = place->code};
	const char *path = hrv_dump_path(dump, &frame);
	char *name = hrv_export_function(dump, place->code);
	json_t *json = json_pack("{ss, ss*}", "name", name ? name : "?", "file", path);

	free(name);
	if (json && place->line != HR_INDEX_NONE && json_object_set_new(json, "line", json_integer(place->line)) != 0) {
		json_decref(json);
		return NULL;
	}
	return json;
}

static json_t *frames_json(const struct hrv_dump *dump, const struct hrv_samples *samples)
{
	json_t *frames = json_array();

	for (size_t i = 0; frames && i < samples->place_count; i++)
		if (json_array_append_new(frames, frame_json(dump, &samples->places[i])) != 0) {
			json_decref(frames);
			frames = NULL;
		}
	return frames;
}

static json_t *path_json(const struct hrv_samples *samples, uint32_t index)
{
	const struct hrv_path *path = &samples->paths[index];
	json_t *json = json_array();

	for (uint32_t i = 0; json && i < path->count; i++)
		if (json_array_append_new(json, json_integer(samples->steps[path->first + i])) != 0) {
			json_decref(json);
			json = NULL;
		}
	return json;
}

/* NULL: out of memory. Weights are milliseconds, or looks when nothing is known of time. */
static json_t *profile_json(const struct hrv_samples *samples, const struct hrv_sampled_thread *thread, bool timed)
{
	json_t *lists = json_array(), *weights = json_array();
	char *name = hrv_text_repair(hrv_text_of(thread->name));
	uint64_t end = 0;
	bool whole = lists && weights && name;

	for (size_t i = 0; whole && i < thread->count; i++) {
		const struct hrv_sample *sample = &thread->samples[i];
		uint64_t weight = timed ? sample->ticks : sample->looks;
		if (weight == 0)
			continue;
		end += weight;
		whole = json_array_append_new(lists, path_json(samples, sample->path)) == 0 &&
		        json_array_append_new(weights, json_integer((json_int_t)weight)) == 0;
	}
	/* "o" takes the reference, also when it fails. */
	json_t *json = json_pack("{ss, ss, ss, si, sI, so, so}", "type", "sampled", "name", name ? name : "", "unit",
	                         timed ? "milliseconds" : "none", "startValue", 0, "endValue", (json_int_t)end,
	                         "samples", lists, "weights", weights);
	free(name);
	if (whole)
		return json;
	json_decref(json);
	return NULL;
}

static json_t *profiles_json(const struct hrv_samples *samples)
{
	json_t *profiles = json_array();
	uint64_t looks, ticks;

	hrv_samples_sum(samples, &looks, &ticks);
	for (size_t i = 0; profiles && i < samples->thread_count; i++)
		if (json_array_append_new(profiles, profile_json(samples, &samples->threads[i], ticks > 0)) != 0) {
			json_decref(profiles);
			profiles = NULL;
		}
	return profiles;
}

int hrv_export_speedscope(const struct hrv_dump *dump, const struct hrv_samples *samples, struct hrv_buffer *out)
{
	char *name = hrv_text_repair(dump->program->name);
	json_t *json =
	        json_pack("{ss, ss, ss, s{so}, so}", "$schema", "https://www.speedscope.app/file-format-schema.json",
	                  "exporter", "hrview " HR_VERSION, "name", name ? name : "", "shared", "frames",
	                  frames_json(dump, samples), "profiles", profiles_json(samples));
	char *text = json && name ? json_dumps(json, JSON_COMPACT) : NULL;
	int err = text ? hrv_buffer_append(out, text, strlen(text)) : HR_ENOMEM;

	free(text);
	free(name);
	json_decref(json);
	return err == 0 ? hrv_buffer_append(out, "\n", 1) : err;
}
