/*
 * A folder with a file, and a job that reads it or writes it by way of the
 * connector, as the runner does.
 */
#ifndef TB_TESTS_FILE_WORLD_H
#define TB_TESTS_FILE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "codec/digest.h"
#include "jobs/connectors/connector.h"

#define MUST(call) assert_int_equal((call), TB_OK)
#define ARENA_MAX ((size_t)256 << 20)
#define PATH_BYTES 128

struct file_world {
	char folder[PATH_BYTES];
	struct tb_source_entity entity;
	struct tb_source source;
	struct tb_connector_task task;
	atomic_bool is_stopped;
	struct tb_arena *arena; /* of the last page */
	struct tb_arena *long_lived;
	struct tb_connection *connection;
	struct tb_connector_page page;
	struct tb_connector_failure failure;
};

static inline int file_world_set_up(void **state)
{
	struct file_world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	MUST(tb_digest_init());
	snprintf(w->folder, sizeof(w->folder), "/tmp/tb-file-XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	w->arena = tb_arena_create(ARENA_MAX);
	w->long_lived = tb_arena_create(ARENA_MAX);
	assert_non_null(w->arena);
	assert_non_null(w->long_lived);
	w->entity = (struct tb_source_entity) {
		.name = TB_STR("items"),
		.collection = TB_STR("item"),
		.key = TB_STR("id"),
		.path = TB_STR("items.ndjson"),
	};
	w->source = (struct tb_source) {
		.name = TB_STR("files"),
		.type = "file",
		.path = w->folder,
		.page_max_bytes = 1u << 20,
		.page_size = 100,
		.entities = &w->entity,
		.n_entities = 1,
	};
	w->task = (struct tb_connector_task) {
		.source = &w->source,
		.entity = &w->entity,
		.entities = &w->entity,
		.n_entities = 1,
		.job = TB_STR("job1/1"),
		.is_stopped = &w->is_stopped,
	};
	*state = w;
	return 0;
}

static int file_world_remove(const char *path, const struct stat *st, int type,
			     struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static inline void file_world_close(struct file_world *w)
{
	tb_connector_file.close(w->connection);
	w->connection = NULL;
}

static inline int file_world_tear_down(void **state)
{
	struct file_world *w = *state;

	file_world_close(w);
	nftw(w->folder, file_world_remove, 8, FTW_DEPTH | FTW_PHYS);
	tb_arena_destroy(w->arena);
	tb_arena_destroy(w->long_lived);
	free(w);
	return 0;
}

/* A path in the folder; good until the next call. */
static inline const char *path_in(const struct file_world *w, const char *name)
{
	static char path[2 * PATH_BYTES];

	snprintf(path, sizeof(path), "%s/%s", w->folder, name);
	return path;
}

static inline void put_file(const struct file_world *w, const char *name,
			    struct tb_str text)
{
	FILE *file = fopen(path_in(w, name), "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(text.p, 1, text.n, file), text.n);
	fclose(file);
}

/* The connection, opened at a cursor. */
static inline void open_at(struct file_world *w, struct tb_str cursor)
{
	file_world_close(w);
	MUST(tb_connector_file.open(&w->task, w->long_lived, cursor,
				    &w->connection, &w->failure));
}

static inline enum tb_err next_page(struct file_world *w)
{
	tb_arena_reset(w->arena);
	return tb_connector_file.next(w->connection, w->arena, &w->page,
				      &w->failure);
}

/* A copy that outlives the page. */
static inline struct tb_str keep(struct file_world *w, struct tb_str text)
{
	struct tb_str kept;

	MUST(tb_arena_strdup(w->long_lived, text, &kept));
	return kept;
}

static inline void assert_text(struct tb_str text, const char *expected)
{
	assert_int_equal(text.n, strlen(expected));
	assert_memory_equal(text.p, expected, text.n);
}

static inline void assert_fails(struct file_world *w, enum tb_err expected,
				const char *code, bool may_pass)
{
	w->failure = (struct tb_connector_failure) { .code = "" };
	assert_int_equal(next_page(w), expected);
	assert_string_equal(w->failure.code, code);
	assert_int_equal(w->failure.may_pass, may_pass);
	assert_true(w->failure.message.n > 0);
}

#endif
