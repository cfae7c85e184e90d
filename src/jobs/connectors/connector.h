/*
 * What reads a source, or sends to a target, page by page. Each type is one
 * file and a line in connectors.def. A connection is used by one thread; it may
 * block for as long as its source's timeout, and ends soon once *is_stopped.
 */
#ifndef TB_JOBS_CONNECTORS_CONNECTOR_H
#define TB_JOBS_CONNECTORS_CONNECTOR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "jobs/source.h"

struct tb_core;

/* What a job asks of one entity. What it points to outlives the connection; who
 * needs itself for longer than a call copies it. */
struct tb_connector_task {
	const struct tb_source *source; /* of `local` the target */
	const struct tb_source_entity *entity;
	/* All that the job asks for, this one among them: where one stream
	 * brings the records of all, that of the first is the one. */
	const struct tb_source_entity *entities;
	size_t n_entities;
	struct tb_core *core; /* for `local` */
	uint32_t org;
	struct tb_str since; /* ISO 8601 in UTC; empty: all */
	/* Of one with `keeps_cursor`: the cursor at which the last run that was
	 * completed ended, maybe another source's or of other entities, and
	 * which the stream of the first entity may go on behind instead of
	 * beginning; empty: it may not. */
	struct tb_str last_cursor;
	const struct tb_str *collections; /* handles */
	size_t n_collections;
	struct tb_str job;             /* "org3/job7/2": names what is sent */
	const atomic_bool *is_stopped; /* borrowed: give up */
};

/* One record as it was received. */
struct tb_connector_record {
	/* Whose it is; NULL: the task's. */
	const struct tb_source_entity *entity;
	struct tb_str body; /* a JSON object, byte for byte; empty: it could not
			     * be read */
	const char *refused; /* why: a static code, or NULL */
	struct tb_str message;
	struct tb_str key; /* decoded, as far as it is known */
	bool deleted;
};

/* In the arena of the call. */
struct tb_connector_page {
	struct tb_connector_record *records;
	size_t n;
	struct tb_str cursor; /* to go on behind it; at most
			       * TB_JOB_CURSOR_MAX_BYTES */
	uint64_t position;    /* how far it is, in the source's unit */
	uint64_t total;       /* 0: not known */
	bool is_last;
};

/* Why a call failed. */
struct tb_connector_failure {
	const char *code;       /* static: "http_status", "timeout", ... */
	struct tb_str message;  /* in the arena; no credentials in it */
	bool may_pass;          /* it is worth trying again */
	uint32_t retry_after_s; /* what the other side asked for; 0: nothing */
	unsigned status;        /* of HTTP, with "http_status"; else 0 */
};

struct tb_connection;

struct tb_connector {
	const char *type;
	bool can_send;
	bool has_handles; /* filters.collections mean something */
	/* One stream brings the records of several entities, which targets have
	 * no place for: only into the org's own collections. */
	bool is_mixed;
	/* What is behind a cursor is all that was changed since, deletions
	 * among it, also for later runs: the last cursor of the first entity's
	 * stream is kept for the next incremental one. */
	bool keeps_cursor;
	/* `cursor` empty: from the start; of a target, the one behind what was
	 * sent so far. Any error: *ret_failure says why. */
	enum tb_err (*open)(const struct tb_connector_task *task,
			    struct tb_arena *arena, struct tb_str cursor,
			    struct tb_connection **ret,
			    struct tb_connector_failure *ret_failure);
	/* The next page. After an error the connection may be asked again, for
	 * the same page. */
	enum tb_err (*next)(struct tb_connection *connection,
			    struct tb_arena *arena,
			    struct tb_connector_page *ret,
			    struct tb_connector_failure *ret_failure);
	/* Tells the other side that what `next` gave last is stored here; then
	 * only comes the next page. NULL: it does not want to know, and pages
	 * may be asked for ahead. */
	enum tb_err (*confirm)(struct tb_connection *connection,
			       struct tb_arena *arena,
			       struct tb_connector_failure *ret_failure);
	/* Hands records over, but for those that are refused; `cursor` is where
	 * the sender's source is then: another one behind each page that has
	 * records, maybe the same behind one without. Durable there, as far as
	 * that side says. What that side refuses has `refused` set. After an
	 * error the same page comes again. NULL: !can_send. */
	enum tb_err (*send)(struct tb_connection *connection,
			    struct tb_arena *arena,
			    struct tb_connector_record *records, size_t n,
			    struct tb_str cursor,
			    struct tb_connector_failure *ret_failure);
	/* All that there is was sent, if anything was; asked before that is
	 * noted here, so maybe again, over another connection. NULL: nothing
	 * is to be done then. */
	enum tb_err (*finish)(struct tb_connection *connection,
			      struct tb_arena *arena,
			      struct tb_connector_failure *ret_failure);
	void (*close)(struct tb_connection *connection); /* takes NULL */
};

/* Each connector's own first member. */
struct tb_connection {
	const struct tb_connector *connector;
};

#define TB_CONNECTOR(type) extern const struct tb_connector tb_connector_##type;
#include "jobs/connectors/connectors.def"
#undef TB_CONNECTOR

/* Of a type in connectors.def, or NULL. */
const struct tb_connector *tb_connector_find(const char *type);

#endif
