/*
 * `tombolo import`: a file of records, events and access rules, a JSON object
 * on each line (app/import_line.h). Every line is read before the first is
 * stored, so that a mistake changes nothing. The file stays where it is: of
 * records an index is in memory, of events one batch.
 */
#include "app/commands.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/file.h"
#include "app/import_line.h"
#include "app/log.h"
#include "base/alloc.h"
#include "kernel/acl_store.h"
#include "kernel/event.h"
#include "kernel/push.h"
#include "kernel/transfer.h"

#define BATCH_ITEMS 500
#define BATCH_BYTES (8 * 1024 * 1024)
#define BATCH_ARENA_BYTES (1024ull * 1024 * 1024)
/* Collections whose next id is given. */
#define NEXT_IDS_MAX 1024
#define IDS_ARENA_BYTES (1024 * 1024)
/* How far ahead of this clock a time may be. An org's times only rise, so
 * that one from a far future would stand for all that come after it. */
#define AHEAD_MAX_US (86400ll * 1000000)

struct line {
	size_t number;
	struct tb_str text;
	int64_t updated_us; /* INT64_MAX: the line gives none */
};

/* A walk over the lines of a text. */
struct lines {
	struct tb_str rest;
	size_t number; /* of the last line */
};

struct import {
	struct tb_session *session;
	const char *path;
	struct tb_str text; /* mapped */
	struct tb_arena *arena;
	struct tb_org org;
	struct line *lines; /* of records */
	size_t n_lines;
	size_t cap;
	bool keep_times;
	size_t n_rejected;
	struct lines events; /* from the first event's line to the last's */
	size_t n_events;
	size_t n_events_rejected;
	struct line rules; /* text.p NULL: none */
	struct tb_arena *ids_arena;
	struct tb_next_id ids[NEXT_IDS_MAX];
	size_t n_ids;
};

static enum tb_exit fail_line(const struct import *import, size_t number,
			      struct tb_str what)
{
	fprintf(stderr, "tombolo: %s:%zu: %.*s\n", import->path, number,
		TB_STR_ARG(what));
	return TB_EXIT_REFUSED;
}

static int64_t latest_us(void)
{
	return tb_log_now_us() + AHEAD_MAX_US;
}

static enum tb_err add_line(struct import *import, const struct line *line)
{
	size_t cap = import->cap ? 2 * import->cap : 1024;
	struct line *lines;

	if (import->n_lines == import->cap) {
		lines = tb_realloc(import->lines, cap * sizeof(*lines));
		if (!lines)
			return TB_ERR_NOMEM;
		import->lines = lines;
		import->cap = cap;
	}
	import->lines[import->n_lines++] = *line;
	return TB_OK;
}

/* The next line that is not blank. */
static bool next_line(struct lines *lines, struct line *ret)
{
	while (lines->rest.n > 0) {
		ret->text = tb_str_cut(&lines->rest, '\n');
		ret->number = ++lines->number;
		if (tb_str_trim(ret->text).n > 0)
			return true;
	}
	return false;
}

static void add_event(struct import *import, const struct line *line)
{
	struct lines *events = &import->events;

	if (import->n_events++ == 0) {
		events->rest.p = line->text.p;
		events->number = line->number - 1;
	}
	events->rest.n = (size_t)(line->text.p + line->text.n - events->rest.p);
}

static enum tb_exit take_next_id(struct import *import, size_t number,
				 const struct tb_next_id *said)
{
	struct tb_next_id *next = &import->ids[import->n_ids];
	enum tb_err err;

	if (import->n_ids == NEXT_IDS_MAX)
		return fail_line(import, number,
				 TB_STR("there are too many next ids"));
	next->id = said->id;
	err = tb_arena_strdup(import->ids_arena, said->table, &next->table);
	if (err)
		return tb_fail(err, "%s", import->path);
	import->n_ids++;
	return TB_EXIT_OK;
}

static enum tb_exit take_line(struct import *import, struct line *line,
			      const struct tb_import_line *said)
{
	enum tb_err err;

	switch (said->kind) {
	case TB_IMPORT_RECORD:
		line->updated_us = said->updated_us;
		err = add_line(import, line);
		return err ? tb_fail(err, "%s", import->path) : TB_EXIT_OK;
	case TB_IMPORT_EVENT:
		add_event(import, line);
		return TB_EXIT_OK;
	case TB_IMPORT_NEXT_ID:
		return take_next_id(import, line->number, &said->next_id);
	case TB_IMPORT_RULES:
		break;
	}
	if (import->rules.text.p)
		return fail_line(import, line->number,
				 TB_STR("there are access rules already"));
	import->rules = *line;
	return TB_EXIT_OK;
}

static enum tb_exit read_lines(struct import *import)
{
	struct lines lines = { .rest = import->text };
	enum tb_exit exit = TB_EXIT_OK;
	struct tb_import_line said;
	struct tb_str problem;
	struct line line;
	enum tb_err err;

	while (!exit && next_line(&lines, &line)) {
		tb_arena_reset(import->arena);
		err = tb_import_line_read(import->arena, line.text, latest_us(),
					  &said, &problem);
		if (err == TB_ERR_NOMEM)
			exit = tb_fail(err, "%s", import->path);
		else if (err)
			exit = fail_line(import, line.number, problem);
		else
			exit = take_line(import, &line, &said);
	}
	return exit;
}

static int compare_lines(const void *a, const void *b)
{
	const struct line *x = a;
	const struct line *y = b;

	if (x->updated_us != y->updated_us)
		return x->updated_us < y->updated_us ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

/* In time order, and no two lines at the same microsecond. */
static void order_lines(struct import *import)
{
	struct line *lines = import->lines;

	if (import->n_lines == 0)
		return;
	qsort(lines, import->n_lines, sizeof(*lines), compare_lines);
	for (size_t i = 1; i < import->n_lines; i++) {
		if (lines[i].updated_us != INT64_MAX &&
		    lines[i].updated_us <= lines[i - 1].updated_us)
			lines[i].updated_us = lines[i - 1].updated_us + 1;
	}
}

static void report_rejected(struct import *import, const struct tb_push *push,
			    const struct line *lines)
{
	const struct tb_push_item *item;

	for (size_t i = 0; i < push->n_items; i++) {
		item = &push->items[i];
		if (item->outcome != TB_PUSH_REJECTED)
			continue;
		import->n_rejected++;
		fprintf(stderr, "tombolo: %s:%zu: %s: %.*s\n", import->path,
			lines[i].number, item->code, TB_STR_ARG(item->message));
	}
}

static enum tb_err push_lines(struct import *import, const struct line *lines,
			      size_t n)
{
	struct tb_push_item *items;
	struct tb_push push = { .site_id = TB_ORIGIN_CENTRE,
				.keep_times = import->keep_times,
				.may_edit_central = true,
				.n_items = n,
				.arena = import->arena };
	struct tb_import_line said;
	struct tb_str problem;
	enum tb_err err = TB_OK;

	tb_arena_reset(import->arena);
	items = tb_arena_calloc(import->arena, n, sizeof(*items));
	if (!items)
		return TB_ERR_NOMEM;
	push.items = items;
	for (size_t i = 0; !err && i < n; i++) {
		err = tb_import_line_read(import->arena, lines[i].text,
					  INT64_MAX, &said, &problem);
		if (err)
			break;
		items[i] = said.record;
		if (lines[i].updated_us != INT64_MAX)
			items[i].updated_us = lines[i].updated_us;
	}
	if (!err)
		err = tb_push_prepare(
			&push, tb_core_declaration(import->session->core),
			import->org.id);
	if (!err)
		err = tb_session_note(import->session, "import",
				      &push.commit.note);
	if (!err)
		err = tb_core_commit(import->session->core, &push.commit);
	if (!err)
		report_rejected(import, &push, lines);
	return err;
}

/* How many lines from `at` on make a batch. */
static size_t batch_len(const struct import *import, size_t at)
{
	size_t bytes = 0;
	size_t n = 0;

	while (n < BATCH_ITEMS && at + n < import->n_lines &&
	       (n == 0 || bytes + import->lines[at + n].text.n <= BATCH_BYTES))
		bytes += import->lines[at + n++].text.n;
	return n;
}

/* Records with ids of their own have them by now. */
static enum tb_err raise_ids(struct import *import)
{
	return import->n_ids > 0
		       ? tb_transfer_raise_ids(import->session->core,
					       import->org.id, import->ids,
					       import->n_ids)
		       : TB_OK;
}

static enum tb_exit push_all(struct import *import)
{
	struct tb_audit_note note;
	enum tb_err err = TB_OK;
	size_t n;

	for (size_t at = 0; at < import->n_lines; at += n) {
		n = batch_len(import, at);
		err = push_lines(import, &import->lines[at], n);
		if (err)
			return tb_fail(err, "%s: %zu of %zu records are in",
				       import->path, at, import->n_lines);
	}
	err = raise_ids(import);
	if (!err && import->n_lines > 0 && import->keep_times) {
		err = tb_session_note(import->session, "import_seal", &note);
		if (!err)
			err = tb_transfer_seal(import->session->core, &note,
					       import->org.id);
	}
	if (err)
		return tb_fail(err, "%s", import->path);
	printf("%zu records are in, %zu were refused\n",
	       import->n_lines - import->n_rejected, import->n_rejected);
	return TB_EXIT_OK;
}

/* Events of lines that follow each other. */
struct batch {
	struct tb_event *events;
	size_t *numbers; /* of their lines */
	size_t n;
};

/* Reads the next lines. None of them may be an event's where others stand
 * between, so that what is read is bounded, too. */
static enum tb_err fill(struct import *import, struct lines *lines,
			struct batch *ret)
{
	struct tb_arena *arena = import->arena;
	struct batch batch = { .n = 0 };
	struct tb_import_line said;
	struct tb_str problem;
	struct line line;
	size_t bytes = 0;
	enum tb_err err;

	tb_arena_reset(arena);
	batch.events =
		tb_arena_calloc(arena, BATCH_ITEMS, sizeof(*batch.events));
	batch.numbers =
		tb_arena_calloc(arena, BATCH_ITEMS, sizeof(*batch.numbers));
	if (!batch.events || !batch.numbers)
		return tb_arena_err(arena);
	while (batch.n < BATCH_ITEMS && bytes < BATCH_BYTES &&
	       next_line(lines, &line)) {
		bytes += line.text.n;
		err = tb_import_line_read(arena, line.text, INT64_MAX, &said,
					  &problem);
		if (err)
			return err;
		if (said.kind != TB_IMPORT_EVENT)
			continue;
		batch.events[batch.n] = said.event;
		batch.numbers[batch.n++] = line.number;
	}
	*ret = batch;
	return TB_OK;
}

static void report_taken(struct import *import, const struct batch *batch)
{
	for (size_t i = 0; i < batch->n; i++) {
		if (batch->events[i].outcome != TB_EVENT_TAKEN)
			continue;
		import->n_events_rejected++;
		fprintf(stderr,
			"tombolo: %s:%zu: event_exists: its uuid is that of "
			"an event with other content\n",
			import->path, batch->numbers[i]);
	}
}

static enum tb_err post_batch(struct import *import, const struct batch *batch)
{
	struct tb_event_post post = { .is_import = true,
				      .is_lenient = true,
				      .events = batch->events,
				      .n = batch->n };
	enum tb_err err;

	if (batch->n == 0)
		return TB_OK;
	err = tb_session_note(import->session, "import", &post.commit.note);
	if (err)
		return err;
	tb_event_post_init(&post, import->org.id);
	err = tb_core_commit(import->session->core, &post.commit);
	if (!err)
		report_taken(import, batch);
	return err;
}

static enum tb_exit post_events(struct import *import)
{
	struct lines lines = import->events;
	struct batch batch = { .n = 0 };
	enum tb_err err = TB_OK;
	size_t at = 0;

	while (lines.rest.n > 0) {
		err = fill(import, &lines, &batch);
		if (!err)
			err = post_batch(import, &batch);
		if (err)
			return tb_fail(err, "%s: %zu of %zu events are in",
				       import->path, at, import->n_events);
		at += batch.n;
	}
	if (import->n_events > 0)
		printf("%zu events are in, %zu were refused\n",
		       import->n_events - import->n_events_rejected,
		       import->n_events_rejected);
	return TB_EXIT_OK;
}

static enum tb_exit put_rules(struct import *import)
{
	struct tb_import_line said;
	struct tb_audit_note note;
	struct tb_str problem;
	enum tb_err err;

	if (!import->rules.text.p)
		return TB_EXIT_OK;
	tb_arena_reset(import->arena);
	err = tb_import_line_read(import->arena, import->rules.text, INT64_MAX,
				  &said, &problem);
	if (!err)
		err = tb_session_note(import->session, "import", &note);
	if (!err)
		err = tb_acl_put(import->session->core, &note, import->org.id,
				 said.rules);
	if (err)
		return tb_fail(err, "%s: the access rules", import->path);
	printf("the access rules are in force\n");
	return TB_EXIT_OK;
}

static enum tb_exit store_all(struct import *import)
{
	enum tb_exit exit = push_all(import);

	/* No event is ever seen without the rules that hide it. */
	if (!exit)
		exit = put_rules(import);
	if (!exit)
		exit = post_events(import);
	if (!exit && import->n_rejected + import->n_events_rejected > 0)
		exit = TB_EXIT_REFUSED;
	return exit;
}

static enum tb_err map_file(const char *path, struct tb_str *ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	enum tb_err err = TB_OK;
	struct stat st;
	void *p;

	if (fd < 0)
		return tb_file_errno();
	*ret = TB_STR_NONE;
	if (fstat(fd, &st)) {
		err = tb_file_errno();
	} else if (st.st_size > 0) {
		p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd,
			 0);
		if (p == MAP_FAILED)
			err = tb_file_errno();
		else
			*ret = tb_str(p, (size_t)st.st_size);
	}
	close(fd);
	return err;
}

static void fini(struct import *import)
{
	if (import->text.p)
		munmap((void *)import->text.p, import->text.n);
	tb_free(import->lines);
	tb_arena_destroy(import->arena);
	tb_arena_destroy(import->ids_arena);
}

enum tb_exit tb_cmd_import(struct tb_session *session)
{
	struct import import = {
		.session = session,
		.path = session->cli->args[0],
	};
	enum tb_exit exit = tb_session_org(session, &import.org);
	enum tb_err err;

	if (exit)
		return exit;
	import.keep_times = import.org.commits == 0;
	err = map_file(import.path, &import.text);
	if (err)
		return tb_fail(err, "`%s`", import.path);
	import.arena = tb_arena_create(BATCH_ARENA_BYTES);
	import.ids_arena = tb_arena_create(IDS_ARENA_BYTES);
	exit = import.arena && import.ids_arena
		       ? read_lines(&import)
		       : tb_fail(TB_ERR_NOMEM, "import");
	if (!exit) {
		order_lines(&import);
		exit = store_all(&import);
	}
	fini(&import);
	return exit;
}
