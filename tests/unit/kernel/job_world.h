/*
 * A world with jobs that are queued, run and changed.
 */
#ifndef TB_TESTS_JOB_WORLD_H
#define TB_TESTS_JOB_WORLD_H

#include "world.h"

#include "kernel/job_change.h"
#include "kernel/job_run.h"
#include "kernel/push.h"

#define SECOND_US ((int64_t)1000000)
#define MINUTE_US (60 * SECOND_US)
#define DAY_US (24 * 60 * MINUTE_US)
#define LEASE_US MINUTE_US
#define REQUEST "{\"name\":\"n\", \"data\":{\"source\":\"s\"}}"

/* ---- what people do ---- */

static inline struct tb_job_order order_of(struct world *w, const char *name)
{
	return (struct tb_job_order) { .org = w->org,
				       .name = tb_str_z(name),
				       .type = TB_STR("full"),
				       .request = TB_STR(REQUEST),
				       .priority = 50,
				       .retries_max = 3,
				       .unfinished_max = 10000 };
}

static inline enum tb_job_queued
queue(struct world *w, const struct tb_job_order *order, struct tb_job *ret)
{
	enum tb_job_queued outcome;
	struct tb_job_sums sums;

	MUST(tb_job_queue(w->ic.core, w->ic.arena, &w->ic.note, order, &outcome,
			  ret, &sums));
	return outcome;
}

/* Its number. */
static inline uint64_t queue_new(struct world *w,
				 const struct tb_job_order *order)
{
	struct tb_job job;

	assert_int_equal(queue(w, order, &job), TB_JOB_IS_NEW);
	return job.id;
}

static inline uint64_t queue_named(struct world *w, const char *name)
{
	const struct tb_job_order order = order_of(w, name);

	return queue_new(w, &order);
}

static inline uint64_t queue_at(struct world *w, const char *name,
				int64_t due_us)
{
	struct tb_job_order order = order_of(w, name);

	order.due_us = due_us;
	return queue_new(w, &order);
}

static inline enum tb_err pause_job(struct world *w, const char *name)
{
	struct tb_job job;

	return tb_job_pause(w->ic.core, w->ic.arena, &w->ic.note, w->org,
			    tb_str_z(name), &job);
}

static inline enum tb_err resume_job(struct world *w, const char *name)
{
	struct tb_job job;

	return tb_job_resume(w->ic.core, w->ic.arena, &w->ic.note, w->org,
			     tb_str_z(name), &job);
}

static inline enum tb_err cancel_job(struct world *w, uint64_t id)
{
	struct tb_job job;

	return tb_job_cancel(w->ic.core, w->ic.arena, &w->ic.note, w->org, id,
			     &job);
}

static inline enum tb_err retry_job(struct world *w, uint64_t id)
{
	struct tb_job job;

	return tb_job_retry(w->ic.core, w->ic.arena, &w->ic.note, w->org, id,
			    &job);
}

/* ---- what workers do ---- */

static inline struct tb_job_taking take_under(struct world *w,
					      const uint64_t *tokens, size_t n,
					      struct tb_job *rets)
{
	return (struct tb_job_taking) {
		.arena = w->ic.arena,
		.tokens = tokens,
		.n_tokens = n,
		.lease_us = LEASE_US,
		.rets = rets,
	};
}

/* The jobs that are taken, at most `n`, under the tokens 100, 101, ... */
static inline size_t take_jobs(struct world *w, size_t n, struct tb_job *rets)
{
	uint64_t tokens[TB_JOB_TAKE_MAX];
	struct tb_job_taking taking = take_under(w, tokens, n, rets);

	for (size_t i = 0; i < n; i++)
		tokens[i] = 100 + i;
	MUST(tb_job_take(w->ic.core, w->org, &taking));
	return taking.n;
}

/* The number of the job that is taken under a token; 0: there is none. */
static inline uint64_t take_one(struct world *w, uint64_t token)
{
	struct tb_job job;
	struct tb_job_taking taking = take_under(w, &token, 1, &job);

	MUST(tb_job_take(w->ic.core, w->org, &taking));
	return taking.n > 0 ? job.id : 0;
}

/* What is completed keeps the place of what page_of names. */
static inline struct tb_job_end end_of(struct world *w, uint64_t id,
				       uint64_t token,
				       enum tb_job_end_kind kind,
				       int64_t due_us)
{
	return (struct tb_job_end) {
		.lease = { w->org, id, token },
		.kind = kind,
		.due_us = due_us,
		.error = { TB_STR("timeout"), TB_STR("no answer") },
		.keeps_cursor_of = TB_STR("products"),
	};
}

static inline enum tb_err try_end(struct world *w, uint64_t id, uint64_t token,
				  enum tb_job_end_kind kind, int64_t due_us)
{
	const struct tb_job_end end = end_of(w, id, token, kind, due_us);

	return tb_job_end(w->ic.core, &end);
}

/* The same, and the next job is taken under `next` in the same commit;
 * `*ret_id` is its number, 0: there is none. */
static inline enum tb_err try_end_and_take(struct world *w, uint64_t id,
					   uint64_t token,
					   enum tb_job_end_kind kind,
					   uint64_t next, uint64_t *ret_id)
{
	struct tb_job_end end = end_of(w, id, token, kind, 0);
	struct tb_job job;
	struct tb_job_taking taking = take_under(w, &next, 1, &job);
	enum tb_err err;

	end.next = &taking;
	err = tb_job_end(w->ic.core, &end);
	*ret_id = taking.n > 0 ? job.id : 0;
	return err;
}

static inline void end_job(struct world *w, uint64_t id, uint64_t token,
			   enum tb_job_end_kind kind, int64_t due_us)
{
	MUST(try_end(w, id, token, kind, due_us));
}

/* A page of nothing. */
static inline struct tb_job_checkpoint page_of(struct world *w, uint64_t id,
					       uint64_t token)
{
	return (struct tb_job_checkpoint) {
		.lease = { w->org, id, token },
		.entity = TB_STR("products"),
		.cursor = TB_STR("c1"),
		.position = 10,
		.total = 40,
		.n_entities = 1,
	};
}

static inline enum tb_err try_checkpoint(struct world *w,
					 struct tb_job_checkpoint *page)
{
	return tb_job_checkpoint(w->ic.core, w->ic.arena, page);
}

/* Lets a page bring records of `table`: "a=1 b=2" are two, and "!c" one that is
 * refused. */
static inline void bring(struct world *w, struct tb_job_checkpoint *page,
			 const char *table, const char *records)
{
	struct tb_push *push = tb_arena_calloc(w->ic.arena, 1, sizeof(*push));
	struct tb_str rest = tb_str_z(records);

	assert_non_null(push);
	push->items =
		tb_arena_calloc(w->ic.arena, rest.n + 1, sizeof(*push->items));
	assert_non_null(push->items);
	push->site_id = TB_ORIGIN_CENTRE;
	push->may_edit_central = true;
	push->arena = w->ic.arena;
	push->commit.note.principal = TB_STR("job1/1");
	while (rest.n > 0) {
		struct tb_str value = tb_str_cut(&rest, ' ');
		struct tb_push_item *item = &push->items[push->n_items++];

		item->table = tb_str_z(table);
		item->id = tb_str_cut(&value, '=');
		if (item->id.p[0] == '!') {
			item->id = tb_str(item->id.p + 1, item->id.n - 1);
			item->refused = TB_PUSH_CODE_INVALID;
			item->refused_message = TB_STR("it is bad");
			continue;
		}
		MUST(tb_arena_printf(w->ic.arena, &item->data, "{\"v\":%.*s}",
				     TB_STR_ARG(value)));
		item->record = item->data;
	}
	MUST(tb_push_prepare(push, tb_core_declaration(w->ic.core), w->org));
	page->push = push;
	page->n_read = push->n_items;
}

static inline bool reclaim(struct world *w, bool all)
{
	bool more;

	MUST(tb_job_reclaim(w->ic.core, w->org, all, &more));
	return more;
}

static inline bool promote(struct world *w)
{
	bool more;

	MUST(tb_job_promote(w->ic.core, w->org, &more));
	return more;
}

/* ---- what there is ---- */

static inline struct tb_job read_job(struct world *w, uint64_t id,
				     struct tb_job_notes *ret_notes)
{
	struct tb_job job = { .id = 0 };
	struct tb_tx *tx = inline_core_read(&w->ic);

	MUST(tb_job_read(tx, w->ic.arena, w->org, id, &job, ret_notes));
	tb_core_read_end(tx);
	return job;
}

/* The body of a record that was brought; "" when there is none. */
static inline const char *record_of(struct world *w, const char *table,
				    const char *id)
{
	struct tb_tx *tx = inline_core_read(&w->ic);
	struct tb_key key = { .org = w->org, .key = tb_str_z(id) };
	struct tb_record *record = NULL;
	enum tb_err err =
		tb_core_name_rid(w->ic.core, tx, w->org, TB_COLL_COLLECTION,
				 tb_str_z(table), &key.coll);

	if (err != TB_ERR_NOT_FOUND) {
		MUST(err);
		MUST(tx->store->ops->find(tx, w->ic.arena, &key, 1, &record));
	}
	tb_core_read_end(tx);
	if (record == NULL)
		return "";
	MUST(tb_arena_strdup(w->ic.arena, record->body, &record->body));
	return record->body.p;
}

/* How many rows the org's trail has. */
static inline uint64_t audit_rows(struct world *w)
{
	struct tb_tx *tx = inline_core_read(&w->ic);
	struct tb_org org;

	MUST(tx->store->ops->org_get(tx, w->org, &org));
	tb_core_read_end(tx);
	return org.audit_n;
}

/* The last one. */
static inline struct tb_audit_entry audit_last(struct world *w)
{
	uint64_t n = audit_rows(w);
	struct tb_tx *tx = inline_core_read(&w->ic);
	struct tb_audit_entry entry;
	struct tb_audit_row row;

	MUST(tx->store->ops->audit_next(tx, w->ic.arena, w->org, n - 1, &row));
	MUST(tb_audit_decode(w->ic.arena, &row, &entry));
	tb_core_read_end(tx);
	return entry;
}

static inline struct tb_job_sums sums_of(struct world *w)
{
	struct tb_job_sums sums = { .last_id = 0 };
	struct tb_tx *tx = inline_core_read(&w->ic);

	MUST(tb_job_sums_read(tx, w->ic.arena, w->org, &sums));
	tb_core_read_end(tx);
	return sums;
}

static inline struct tb_job_page
list_jobs(struct world *w, enum tb_job_list list, uint64_t after, size_t limit)
{
	const struct tb_job_query query = {
		.org = w->org, .list = list, .after = after, .limit = limit
	};
	struct tb_job_page page = { .n = 0 };
	struct tb_tx *tx = inline_core_read(&w->ic);

	MUST(tb_job_list(tx, w->ic.arena, &query, &page));
	tb_core_read_end(tx);
	return page;
}

/* The numbers of a page: "3 1", and "+" where there is more. */
static inline uint64_t expect_list(struct world *w, enum tb_job_list list,
				   uint64_t after, size_t limit,
				   const char *expected)
{
	struct tb_job_page page = list_jobs(w, list, after, limit);
	char text[1024] = "";
	struct tb_buf buf;

	tb_buf_init_fixed(&buf, text, sizeof(text) - 1);
	for (size_t i = 0; i < page.n; i++)
		tb_buf_printf(&buf, "%s%llu", i > 0 ? " " : "",
			      (unsigned long long)page.jobs[i].id);
	if (page.has_more)
		tb_buf_append_char(&buf, '+');
	text[buf.n] = '\0';
	assert_string_equal(text, expected);
	return page.next;
}

/* Which list a job is to be in besides that of all. */
static inline enum tb_job_list list_of(const struct tb_job *job)
{
	switch (job->state) {
	case TB_JOB_QUEUED:
		return job->is_waiting ? TB_JOB_LIST_DUE : TB_JOB_LIST_READY;
	case TB_JOB_ACTIVE:
		return job->token != 0 ? TB_JOB_LIST_ACTIVE : TB_JOB_LIST_READY;
	case TB_JOB_PAUSED:
		return TB_JOB_LIST_PAUSED;
	case TB_JOB_COMPLETED:
		return TB_JOB_LIST_COMPLETED;
	case TB_JOB_FAILED:
		return TB_JOB_LIST_FAILED;
	}
	TB_UNREACHABLE();
}

/* An unfinished job is found by its name, and no other by that. */
static inline void check_name(struct world *w, struct tb_tx *tx,
			      const struct tb_job *job)
{
	struct tb_job found = { .id = 0 };
	enum tb_err err =
		tb_job_find(tx, w->ic.arena, w->org, job->name, &found);

	if (!tb_job_state_is_finished(job->state))
		assert_int_equal(found.id, job->id);
	else if (err == TB_OK)
		assert_int_not_equal(found.id, job->id);
	else
		assert_int_equal(err, TB_ERR_NOT_FOUND);
}

static inline void job_world_broken(void *ctx, const char *invariant,
				    uint64_t rid, const char *what)
{
	(void)ctx;
	(void)rid;
	fail_msg("%s: %s", invariant, what);
}

/* Counts all jobs anew: the sums say the same, each is in the list that it
 * belongs to and in no other, and the store is sound. */
static inline void check_jobs(struct world *w)
{
	struct tb_job_sums sums = sums_of(w);
	struct tb_job_sums counted = { .last_id = sums.last_id };
	struct tb_job_page all = list_jobs(w, TB_JOB_LIST_ALL, 0, 10000);
	size_t n_listed[TB_JOB_LIST_FAILED + 1] = { 0 };
	struct tb_tx *tx = inline_core_read(&w->ic);

	for (size_t i = 0; i < all.n; i++) {
		const struct tb_job *job = &all.jobs[i];
		enum tb_job_list list = list_of(job);

		counted.counts[job->state]++;
		if (list == TB_JOB_LIST_READY && job->state == TB_JOB_ACTIVE)
			counted.take_over++;
		else if (list == TB_JOB_LIST_READY)
			counted.ready[job->priority]++;
		n_listed[list]++;
		check_name(w, tx, job);
	}
	MUST(tx->store->ops->check(tx, job_world_broken, NULL));
	tb_core_read_end(tx);
	assert_memory_equal(sums.counts, counted.counts, sizeof(sums.counts));
	assert_memory_equal(sums.ready, counted.ready, sizeof(sums.ready));
	assert_int_equal(sums.take_over, counted.take_over);
	for (int l = TB_JOB_LIST_READY; l <= TB_JOB_LIST_FAILED; l++) {
		struct tb_job_page page =
			list_jobs(w, (enum tb_job_list)l, 0, 10000);

		assert_int_equal(page.n, n_listed[l]);
		for (size_t i = 0; i < page.n; i++)
			assert_int_equal(list_of(&page.jobs[i]), l);
	}
}

/* "read/written/unchanged/rejected" of a stream. */
static inline void expect_stream(const struct tb_job *job, const char *entity,
				 const char *expected)
{
	char text[64] = "";

	for (size_t i = 0; i < job->n_streams; i++) {
		const struct tb_job_stream *s = &job->streams[i];

		if (tb_str_eq(s->entity, tb_str_z(entity)))
			(void)snprintf(text, sizeof(text),
				       "%llu/%llu/%llu/%llu",
				       (unsigned long long)s->read,
				       (unsigned long long)s->written,
				       (unsigned long long)s->unchanged,
				       (unsigned long long)s->rejected);
	}
	assert_string_equal(text, expected);
}

/* A text has a part. */
static inline void expect_part(struct tb_str s, const char *part)
{
	if (memmem(s.p, s.n, part, strlen(part)) == NULL)
		fail_msg("\"%s\" is not in \"%.*s\"", part, TB_STR_ARG(s));
}

/* A test on each engine: `static void name_on(struct world *w)`. */
#define JOB_TEST(name)                                                         \
	static void name(void **unused)                                        \
	{                                                                      \
		(void)unused;                                                  \
		world_on_each_engine(name##_on);                               \
	}

/* Much of the same, in memory alone. */
#define JOB_TEST_IN_MEMORY(name)                                               \
	static void name(void **unused)                                        \
	{                                                                      \
		struct world w;                                                \
                                                                               \
		(void)unused;                                                  \
		world_init(&w, &tb_store_memory);                              \
		name##_on(&w);                                                 \
		world_fini(&w);                                                \
	}

static inline void expect_str(struct tb_str s, const char *expected)
{
	assert_int_equal(s.n, strlen(expected));
	if (s.n > 0)
		assert_memory_equal(s.p, expected, s.n);
}

#endif
