/*
 * Events: records that are never changed again, in the org's feed of events,
 * which numbers them densely from 1 in the order of their arrival. An event's
 * body is the JSON that every reader gets:
 *   {"uuid","timestamp","userUuid","itemUuid","action","payload"}
 * in this order, behind them whatever else its author wrote; each value is as
 * the author wrote it, but for userUuid, which is who sent it.
 */
#ifndef TB_KERNEL_EVENT_H
#define TB_KERNEL_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "codec/json.h"
#include "kernel/commit.h"

/* Of uuid, itemUuid and action, decoded. */
#define TB_EVENT_ID_MAX_BYTES 512

/* What an event says. Strings are decoded. */
struct tb_event_fields {
	struct tb_str uuid;
	struct tb_str user;
	struct tb_str item;
	struct tb_str action;
	int64_t timestamp_s; /* by its author's clock */
};

/* Why a value is no event. */
enum tb_event_flaw {
	TB_EVENT_GOOD,
	TB_EVENT_NOT_OBJECT, /* or a member of a wrong type, or NUL in a name */
	TB_EVENT_MISSING,    /* a member is missing, null or empty */
	TB_EVENT_TOO_LONG,   /* over TB_EVENT_ID_MAX_BYTES */
	TB_EVENT_BAD_TIME,   /* not an integer of 64 bits, not positive, or too
			      * far ahead */
};

/* Reads an event as a client sends it and appends its body, `user` as its
 * author, to `buf`. Strings in the text or in the arena. `latest_s`: the
 * highest timestamp that is taken. NOMEM, TOO_LARGE (of arena or buffer); a
 * flaw is no error: it appends nothing, and of `ret` there is what could be
 * read (p NULL: not that). Of several flaws it is the first of the enum. */
enum tb_err tb_event_take(struct tb_arena *arena, struct tb_json_value value,
			  struct tb_str user, int64_t latest_s,
			  struct tb_buf *buf, struct tb_event_fields *ret,
			  enum tb_event_flaw *ret_flaw) tb_must_check;
/* What a filter asks of a stored body, without a parse of all of it: its item
 * (decoded; in the body, or in the arena where something is escaped) and its
 * timestamp. CORRUPT: not a body that was made here. */
enum tb_err tb_event_peek(struct tb_arena *arena, struct tb_str body,
			  struct tb_str *ret_item,
			  int64_t *ret_timestamp_s) tb_must_check;

enum tb_event_outcome {
	TB_EVENT_STORED,
	TB_EVENT_REPEATED, /* it was there with the same content */
	TB_EVENT_TAKEN,    /* its uuid is another event's */
};

struct tb_event {
	struct tb_str uuid;
	struct tb_str body;
	enum tb_event_outcome outcome; /* the result */
};

/* Events that one request posts, in one commit: all or none, or, when it is
 * lenient, all those whose uuid is not another event's. An event that repeats
 * one in the same post, or one that is stored, has no further effect. */
struct tb_event_post {
	struct tb_commit commit; /* kind, org and weight by tb_event_post_init;
				  * the note is the caller's */
	uint64_t generation;     /* of the org, under which it was permitted */
	bool is_import; /* no rules permitted it, so that the generation is not
			 * looked at; org.commits does not rise */
	bool is_lenient;
	bool is_refused; /* something behind these events refuses them: nothing
			  * is stored, and it is looked for another's uuid */
	struct tb_event *events;
	size_t n;
	/* The result. EXISTS: events[taken] has another's uuid and nothing was
	 * stored. DENIED: none has, but the post is refused. CONFLICT: the
	 * org's generation is another by now: look at what is permitted, and
	 * try again. */
	size_t n_stored;
	size_t taken;
	uint64_t before; /* number of the last event before this post */
	uint64_t head;   /* and behind it */
	char detail[64]; /* of the audit note, which is set here */
};
/* Fills in the commit but for its note; the events are there already. What has
 * the same content is said in kernel/event_same.h. */
void tb_event_post_init(struct tb_event_post *post, uint32_t org);

#endif
