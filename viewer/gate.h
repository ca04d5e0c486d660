/* gate.h — the door: takes every connection at once, and lets it in when it has said what it wants.
 *
 * civetweb keeps a thread for each connection from the moment it is made, so that a few dozen silent ones would keep
 * everybody else waiting. Here a silent one costs a descriptor and nobody's time: one thread watches them all with
 * epoll(7), looks at what has come without taking it (MSG_PEEK), and passes the descriptor on once the request's head
 * is complete. One that is not in time, says too much or finds no worker free is told so in HTTP and let go; when too
 * many stand at the door, the oldest that has said nothing goes. */
#ifndef HRV_GATE_H
#define HRV_GATE_H

#define HRV_GATE_HEAD_BYTES 16384 /* of a request's head; civetweb's own limit too */
#define HRV_GATE_HEAD_MS    2000  /* to send it */
#define HRV_GATE_WAIT_MS    1500  /* for a worker to be free */

/* From now on accept() on the descriptor `fd` gives the connections that are let in; what it was is closed. For
 * civetweb, which has no other way of being given a connection: see accept() in gate.c. HR_EIO. */
int hrv_gate_lead_to(int fd);

/* After that: guards the socket `listener` (bound, listening, not blocking; taken over) on a thread of its own until
 * the process ends. At most `workers` connections are inside at a time. There is one gate in a process. HR_EIO. */
int hrv_gate_start(int listener, int workers);

/* A connection that was let in has ended. Any thread. */
void hrv_gate_left(void);

#endif
