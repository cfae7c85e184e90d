/*
 * What is done for a peer on a worker, because it may block. A task takes
 * copies along and never looks into the peer; what it has found comes back to
 * the peer's loop. If the peer has gone meanwhile, it comes to nothing.
 */
#ifndef TB_API_DEVICES_TASK_H
#define TB_API_DEVICES_TASK_H

#include "api/audit.h"
#include "api/devices/caller.h"
#include "api/devices/peer.h"
#include "base/arena.h"

#define TB_TASK_ANSWERS_MAX 2

struct tb_client_call;

struct tb_task {
	struct tb_realtime *realtime;
	struct tb_client *client; /* a reference */
	struct tb_peer *peer;     /* a reference; `done` may look into it */
	struct tb_arena *arena;
	void (*work)(struct tb_task *task); /* on a worker */
	void (*done)(struct tb_task *task); /* then on the loop, before the
					     * answers are sent; NULL: nothing
					     * is left to do there */
	void *own; /* what this kind of task keeps, in the arena */

	/* The peer, as it was. */
	struct tb_devices_caller caller; /* owns the reference */
	struct tb_str token;             /* or empty */
	struct tb_str device;            /* or empty */

	/* Of an event that the client sent. */
	const struct tb_client_call *call; /* NULL: it is none */
	struct tb_str args;
	bool wants_ack;
	uint64_t ack_id;
	bool commits; /* there is a row of the audit trail for it */
	unsigned status;
	struct tb_task_answer {
		const char *name; /* NULL: for the callback alone */
		struct tb_str text;
	} answers[TB_TASK_ANSWERS_MAX];
	size_t n_answers;

	/* Found by a worker; a reference, given up with the task. */
	const struct tb_principal *found;
};

/* For a peer, on its loop; `own_bytes` of zeroed memory at `own`. NULL: no
 * memory. */
struct tb_task *tb_task_create(struct tb_peer *peer,
			       void (*work)(struct tb_task *task),
			       void (*done)(struct tb_task *task),
			       size_t own_bytes);
/* Hands it to a worker. Where none takes it the client is ended: it will come
 * again. */
void tb_task_submit(struct tb_task *task);
void tb_task_destroy(struct tb_task *task); /* takes NULL */
/* What the pool runs. */
void tb_task_run(void *task);

/* Who does it, for the audit trail. */
enum tb_err tb_task_note(struct tb_task *task, const char *operation,
			 struct tb_audit_note *ret) tb_must_check;
/* Adds it to the sums of the audit trail, for what has no row there. */
void tb_task_count(const struct tb_task *task, const char *operation,
		   unsigned status);

/* The event's answer: to the callback, if one is asked for, else, where it has
 * a name, as an event. The text lives in the arena. */
void tb_task_answer(struct tb_task *task, const char *name, struct tb_str text);
/* Takes the text of a buffer, which it frees. */
void tb_task_answer_buf(struct tb_task *task, const char *name,
			struct tb_buf *buf);
/* The answer is an error: in these words, which live in the arena or are
 * static; where they are empty in those that clients are told of such an error.
 */
void tb_task_fail(struct tb_task *task, enum tb_err err, struct tb_str flaw);

#endif
