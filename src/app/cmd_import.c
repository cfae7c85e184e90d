/*
 * `tombolo import`: a file of records, a JSON object on each line. Every line
 * is read before the first record is stored, so that a mistake changes
 * nothing. The file stays where it is: only an index of it is in memory.
 */
#include "app/commands.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/file.h"
#include "app/log.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "codec/json.h"
#include "codec/time.h"
#include "kernel/push.h"
#include "kernel/transfer.h"

#define BATCH_ITEMS 500
#define BATCH_BYTES (8 * 1024 * 1024)
#define BATCH_ARENA_BYTES (1024ull * 1024 * 1024)
/* How far ahead of this clock a time may be. An org's times only rise, so
 * that one from a far future would stand for all that come after it. */
#define AHEAD_MAX_US (86400ll * 1000000)

struct line {
	size_t number;
	struct tb_str text;
	int64_t updated_us; /* INT64_MAX: the line gives none */
};

struct import {
	struct tb_session *session;
	const char *path;
	struct tb_str text; /* mapped */
	struct tb_arena *arena;
	struct line *lines;
	size_t n_lines;
	size_t cap;
	struct tb_org org;
	bool keep_times;
	size_t n_rejected;
};

static enum tb_exit fail_line(const struct import *import, size_t number,
			      const char *what)
{
	fprintf(stderr, "tombolo: %s:%zu: %s\n", import->path, number, what);
	return TB_EXIT_REFUSED;
}

/* A member that must be a string that can be a key. */
static enum tb_err get_text(struct tb_arena *arena, struct tb_json_value object,
			    const char *name, struct tb_str *ret)
{
	enum tb_err err =
		tb_json_string(arena, tb_json_get(object, tb_str_z(name)), ret);

	return !err && (ret->n == 0 || ret->n > TB_KEY_MAX) ? TB_ERR_INVALID
							    : err;
}

/* A member that is a time, or absent and then `absent`. */
static enum tb_err get_time(struct tb_arena *arena, struct tb_json_value object,
			    const char *name, int64_t absent, int64_t *ret)
{
	struct tb_json_value value = tb_json_get(object, tb_str_z(name));
	struct tb_str text;
	enum tb_err err;

	*ret = absent;
	if (tb_json_is_absent(value) || tb_json_is(value, TB_JSON_NULL))
		return TB_OK;
	err = tb_json_string(arena, value, &text);
	return err ? err : tb_time_parse(text, 0, ret);
}

/* Reads a line to an item; `*ret_problem` says what is wrong with it. */
static enum tb_err decode(struct tb_arena *arena, struct tb_str text,
			  struct tb_push_item *ret, int64_t *ret_updated_us,
			  const char **ret_problem)
{
	static const struct tb_json_limits limits = {
		.max_depth = 64,
		.max_nodes = 1u << 20,
		.tape_depth = 1,
	};
	struct tb_push_item item = { .record = text };
	struct tb_json_error error = { 0, "not JSON" };
	struct tb_json_value root;
	struct tb_json_value data;
	struct tb_json json;
	int64_t updated_us = 0;
	enum tb_err err = tb_json_parse(arena, text, &limits, &json, &error);

	*ret_problem = error.what;
	if (err)
		return err;
	root = tb_json_root(&json);
	*ret_problem = "expected an object with the strings table and "
		       "recordID, each of 1 to 512 bytes, and, unless it is "
		       "deleted, the object data";
	err = get_text(arena, root, "table", &item.table);
	if (!err)
		err = get_text(arena, root, "recordID", &item.id);
	if (err)
		return err;
	data = tb_json_get(root, TB_STR("data"));
	if (tb_json_is(tb_json_get(root, TB_STR("deleted")), TB_JSON_TRUE))
		item.action = TB_PUSH_DELETE;
	else if (!tb_json_is(data, TB_JSON_OBJECT))
		return TB_ERR_INVALID;
	item.data = tb_json_is_absent(data) ? TB_STR("{}") : tb_json_raw(data);
	*ret_problem = "expected created_at and updated_at to be times, as "
		       "2026-01-31T12:00:00Z";
	err = get_time(arena, root, "updated_at", INT64_MAX, &updated_us);
	if (!err)
		err = get_time(arena, root, "created_at",
			       updated_us == INT64_MAX ? 0 : updated_us,
			       &item.created_us);
	if (err)
		return err;
	*ret_problem = "updated_at is more than a day ahead of the clock";
	if (updated_us != INT64_MAX &&
	    updated_us > tb_log_now_us() + AHEAD_MAX_US)
		return TB_ERR_INVALID;
	*ret = item;
	*ret_updated_us = updated_us;
	return TB_OK;
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

static enum tb_exit read_lines(struct import *import)
{
	struct tb_str rest = import->text;
	struct line line = { .number = 0 };
	struct tb_push_item item;
	const char *problem;
	enum tb_err err;

	while (rest.n > 0) {
		line.text = tb_str_cut(&rest, '\n');
		line.number++;
		if (tb_str_trim(line.text).n == 0)
			continue;
		tb_arena_reset(import->arena);
		err = decode(import->arena, line.text, &item, &line.updated_us,
			     &problem);
		if (err == TB_ERR_NOMEM)
			return tb_fail(err, "%s", import->path);
		if (err)
			return fail_line(import, line.number, problem);
		err = add_line(import, &line);
		if (err)
			return tb_fail(err, "%s", import->path);
	}
	return TB_EXIT_OK;
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
	const char *problem;
	int64_t updated_us;
	enum tb_err err = TB_OK;

	tb_arena_reset(import->arena);
	items = tb_arena_calloc(import->arena, n, sizeof(*items));
	if (!items)
		return TB_ERR_NOMEM;
	push.items = items;
	for (size_t i = 0; !err && i < n; i++) {
		err = decode(import->arena, lines[i].text, &items[i],
			     &updated_us, &problem);
		if (lines[i].updated_us != INT64_MAX)
			items[i].updated_us = lines[i].updated_us;
	}
	if (!err)
		err = tb_push_prepare(
			&push, tb_core_declaration(import->session->core),
			import->org.id);
	if (!err)
		err = tb_session_note("import", &push.commit.note);
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

static enum tb_exit push_all(struct import *import)
{
	struct tb_audit_note note;
	enum tb_err err = TB_OK;
	size_t n;

	for (size_t at = 0; at < import->n_lines; at += n) {
		n = batch_len(import, at);
		err = push_lines(import, &import->lines[at], n);
		if (err)
			return tb_fail(err, "%s: %zu of %zu lines are in",
				       import->path, at, import->n_lines);
	}
	if (import->keep_times) {
		err = tb_session_note("import_seal", &note);
		if (!err)
			err = tb_transfer_seal(import->session->core, &note,
					       import->org.id);
	}
	if (err)
		return tb_fail(err, "%s", import->path);
	printf("%zu records are in, %zu were refused\n",
	       import->n_lines - import->n_rejected, import->n_rejected);
	return import->n_rejected > 0 ? TB_EXIT_REFUSED : TB_EXIT_OK;
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
	exit = import.arena ? read_lines(&import)
			    : tb_fail(TB_ERR_NOMEM, "import");
	if (!exit) {
		order_lines(&import);
		exit = push_all(&import);
	}
	fini(&import);
	return exit;
}
