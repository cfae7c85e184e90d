/*
 * All users: GET admin/users. The list is read and sent page by page, in the
 * order of the users' last changes, so that it costs no more memory for many
 * users than for few. Who is changed meanwhile moves to the end and comes
 * again; so nobody is missed.
 */
#include "api/events/handlers.h"
#include "api/events/state.h"
#include "api/events/user_json.h"
#include "base/alloc.h"
#include "http/source.h"

/* Users read from the store at once, and what the largest of them take. */
#define PAGE 64
#define ARENA_MAX_BYTES ((size_t)64 << 20)
#define PIECE_MAX_BYTES ((size_t)64 << 20)

struct list {
	struct tb_source source; /* first */
	struct tb_core *core;
	uint32_t org;
	uint64_t after;
	bool has_begun;
	bool has_ended;
	struct tb_blob *ready; /* the first piece; NULL: it has been taken */
};

static enum tb_err read_page(const struct list *list, struct tb_arena *arena,
			     struct tb_account users[PAGE], size_t *ret_n,
			     uint64_t *ret_next)
{
	struct tb_tx *tx;
	enum tb_err err = tb_core_read(list->core, &tx);

	if (err)
		return err;
	err = tb_directory_list(tx, arena, TB_ACCOUNT_USER, list->org,
				list->after, users, PAGE, ret_n, ret_next);
	tb_core_read_end(tx);
	return err;
}

/* A part of the array: its brackets where it begins and ends. */
static void put_page(struct tb_buf *buf, const struct list *list,
		     const struct tb_account *users, size_t n)
{
	struct tb_json_writer w = tb_json_writer(buf);

	if (list->has_begun)
		tb_json_continue_array(&w);
	else
		tb_json_begin_array(&w);
	for (size_t i = 0; i < n; i++)
		tb_user_json_put(&w, &users[i]);
	if (n < PAGE)
		tb_json_end_array(&w);
}

static enum tb_err make_page(struct list *list, struct tb_arena *arena,
			     struct tb_blob **ret)
{
	struct tb_account users[PAGE];
	struct tb_blob *blob = NULL;
	uint64_t next;
	struct tb_buf buf;
	size_t n;
	enum tb_err err = read_page(list, arena, users, &n, &next);

	if (err)
		return err;
	tb_buf_init(&buf, PIECE_MAX_BYTES);
	put_page(&buf, list, users, n);
	err = tb_buf_err(&buf);
	if (!err)
		blob = tb_blob_create(&buf);
	if (!err && !blob)
		err = TB_ERR_NOMEM;
	tb_buf_fini(&buf);
	if (err)
		return err;
	list->after = next;
	list->has_begun = true;
	list->has_ended = n < PAGE;
	*ret = blob;
	return TB_OK;
}

/* The next piece; NULL behind the last. */
static enum tb_err next_piece(struct list *list, struct tb_blob **ret)
{
	struct tb_arena *arena;
	enum tb_err err;

	if (list->has_ended) {
		*ret = NULL;
		return TB_OK;
	}
	arena = tb_arena_create(ARENA_MAX_BYTES);
	if (!arena)
		return TB_ERR_NOMEM;
	err = make_page(list, arena, ret);
	tb_arena_destroy(arena);
	return err;
}

static bool list_find(struct tb_source *source, struct tb_piece *ret)
{
	struct list *list = (struct list *)source;

	if (!list->ready && !list->has_ended)
		return false;
	*ret = (struct tb_piece) { .plain = list->ready };
	list->ready = NULL;
	return true;
}

static enum tb_err list_make(struct tb_source *source, struct tb_piece *ret)
{
	struct tb_blob *blob;
	enum tb_err err = next_piece((struct list *)source, &blob);

	if (!err)
		*ret = (struct tb_piece) { .plain = blob };
	return err;
}

static void list_destroy(struct tb_source *source)
{
	struct list *list = (struct list *)source;

	tb_blob_unref(list->ready);
}

void tb_events_get_users(void *state, const struct tb_request *req,
			 struct tb_response *res)
{
	static const struct tb_source_ops ops = {
		.find = list_find,
		.make = list_make,
		.destroy = list_destroy,
	};
	const struct tb_events *events = state;
	struct list *list = tb_arena_calloc(req->arena, 1, sizeof(*list));
	enum tb_err err = TB_ERR_NOMEM;

	if (list) {
		list->source.ops = &ops;
		list->core = events->core;
		list->org = req->principal->org;
		/* Read before the answer begins, so that a store that cannot
		 * be read is an error and no cut connection. */
		err = next_piece(list, &list->ready);
	}
	if (err)
		tb_response_fail(res, req, err);
	else
		tb_response_source(res, 200, TB_JSON_UTF8_TYPE, &list->source,
				   TB_LENGTH_UNKNOWN);
}
