#include "server_sources.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/assert.h"
#include "codec/gzip.h"
#include "codec/json.h"
#include "http/source.h"

/* A body is made of numbered lines of this length. */
#define LINE_BYTES 16
#define PIECE_MAX (64u << 20)
#define NEVER UINT64_MAX

/* What a request wants. */
struct wish {
	uint64_t n;      /* pieces */
	uint64_t lines;  /* in each */
	uint64_t known;  /* its length is told, */
	uint64_t more;   /* with so much added, */
	uint64_t less;   /* or taken away */
	uint64_t find;   /* every so many pieces are found; 0: there is no
			  * `find` */
	uint64_t packed; /* pieces come packed where that is wanted */
	uint64_t shared; /* one piece serves for all */
	uint64_t fail;   /* the piece that cannot be made */
	uint64_t err;    /* and why */
	uint64_t gate;   /* the piece that waits at the gate */
};

static const struct {
	const char *name;
	size_t offset;
	uint64_t absent;
} wishes[] = {
	{ "n", offsetof(struct wish, n), 1 },
	{ "lines", offsetof(struct wish, lines), 1000 },
	{ "known", offsetof(struct wish, known), 0 },
	{ "more", offsetof(struct wish, more), 0 },
	{ "less", offsetof(struct wish, less), 0 },
	{ "find", offsetof(struct wish, find), 0 },
	{ "packed", offsetof(struct wish, packed), 0 },
	{ "shared", offsetof(struct wish, shared), 0 },
	{ "fail", offsetof(struct wish, fail), NEVER },
	{ "err", offsetof(struct wish, err), TB_ERR_IO },
	{ "gate", offsetof(struct wish, gate), NEVER },
};

struct numbers {
	struct tb_source source;
	struct wish wish;
	uint64_t i;             /* of the next piece */
	struct tb_piece shared; /* once made */
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t opened;
	bool is_open;
	unsigned n_waiting;
	atomic_uint n_created;
	atomic_uint n_destroyed;
	atomic_uint n_found;
	atomic_uint n_made;
} all = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.opened = PTHREAD_COND_INITIALIZER,
};

static void wait_at_gate(void)
{
	pthread_mutex_lock(&all.lock);
	all.n_waiting++;
	while (!all.is_open)
		pthread_cond_wait(&all.opened, &all.lock);
	all.n_waiting--;
	pthread_mutex_unlock(&all.lock);
}

static void put_line(char *to, uint64_t number)
{
	size_t i = LINE_BYTES - 1;

	to[i] = '\n';
	while (i-- > 0) {
		to[i] = (char)('0' + number % 10);
		number /= 10;
	}
}

static struct tb_blob *blob_of(struct tb_buf *buf)
{
	struct tb_blob *blob = tb_blob_create(buf);

	tb_buf_fini(buf);
	return blob;
}

static struct tb_blob *create_plain(const struct numbers *numbers)
{
	uint64_t n = numbers->wish.lines, i;
	struct tb_buf buf;
	char *to;

	tb_buf_init(&buf, PIECE_MAX);
	to = tb_buf_reserve(&buf, n * LINE_BYTES);
	for (i = 0; to && i < n; i++)
		put_line(to + i * LINE_BYTES, numbers->i * n + i);
	buf.n = n * LINE_BYTES;
	return to ? blob_of(&buf) : NULL;
}

/* NULL: it is not wanted, or there is no memory for it. */
static struct tb_blob *create_packed(const struct numbers *numbers,
				     struct tb_blob *plain, uint32_t *ret_crc)
{
	struct tb_buf packed;

	tb_buf_init(&packed, PIECE_MAX);
	if (!numbers->wish.packed || !numbers->source.is_gzip ||
	    tb_gzip_pack(tb_blob_str(plain), 1, &packed, ret_crc)) {
		tb_buf_fini(&packed);
		return NULL;
	}
	return blob_of(&packed);
}

static enum tb_err make_piece(const struct numbers *numbers,
			      struct tb_piece *ret)
{
	struct tb_piece piece = { .plain = create_plain(numbers) };

	if (!piece.plain)
		return TB_ERR_NOMEM;
	piece.packed = create_packed(numbers, piece.plain, &piece.crc);
	*ret = piece;
	return TB_OK;
}

static enum tb_err share_piece(struct numbers *numbers, struct tb_piece *ret)
{
	enum tb_err err = TB_OK;

	if (!numbers->shared.plain)
		err = make_piece(numbers, &numbers->shared);
	if (err)
		return err;
	*ret = numbers->shared;
	tb_blob_ref(ret->plain);
	if (ret->packed)
		tb_blob_ref(ret->packed);
	return TB_OK;
}

static enum tb_err next_piece(struct numbers *numbers, struct tb_piece *ret)
{
	enum tb_err err;

	if (numbers->i == numbers->wish.n) {
		*ret = (struct tb_piece) { .plain = NULL };
		return TB_OK;
	}
	err = numbers->wish.shared ? share_piece(numbers, ret)
				   : make_piece(numbers, ret);
	if (!err)
		numbers->i++;
	return err;
}

static bool find(struct tb_source *source, struct tb_piece *ret)
{
	struct numbers *numbers = (struct numbers *)source;
	const struct wish *wish = &numbers->wish;

	if (numbers->i % wish->find != 0 || numbers->i == wish->fail ||
	    numbers->i == wish->gate || next_piece(numbers, ret))
		return false;
	atomic_fetch_add(&all.n_found, 1);
	return true;
}

static enum tb_err make(struct tb_source *source, struct tb_piece *ret)
{
	struct numbers *numbers = (struct numbers *)source;

	if (numbers->i == numbers->wish.gate)
		wait_at_gate();
	if (numbers->i == numbers->wish.fail)
		return (enum tb_err)numbers->wish.err;
	atomic_fetch_add(&all.n_made, 1);
	return next_piece(numbers, ret);
}

static void destroy(struct tb_source *source)
{
	struct numbers *numbers = (struct numbers *)source;

	tb_blob_unref(numbers->shared.plain);
	tb_blob_unref(numbers->shared.packed);
	atomic_fetch_add(&all.n_destroyed, 1);
}

static const struct tb_source_ops makes = { .make = make, .destroy = destroy };
static const struct tb_source_ops finds = {
	.find = find,
	.make = make,
	.destroy = destroy,
};

static enum tb_err read_wish(const struct tb_request *req, struct wish *wish)
{
	enum tb_err err = TB_OK;
	size_t i;

	for (i = 0; i < TB_ARRAY_LEN(wishes) && !err; i++) {
		char *at = (char *)wish + wishes[i].offset;

		err = tb_request_query_u64(req, wishes[i].name,
					   wishes[i].absent, (uint64_t *)at);
	}
	return err;
}

void sources_get(void *state, const struct tb_request *req,
		 struct tb_response *res)
{
	struct numbers *numbers =
		tb_arena_calloc(req->arena, 1, sizeof(*numbers));
	uint64_t length = TB_LENGTH_UNKNOWN;

	enum tb_err err = numbers ? TB_OK : TB_ERR_NOMEM;

	(void)state;
	if (!err)
		err = read_wish(req, &numbers->wish);
	if (!err)
		err = tb_response_header(res, "ETag", TB_STR("\"numbers\""));
	if (err) {
		tb_response_fail(res, req, err);
		return;
	}
	numbers->source.ops = numbers->wish.find ? &finds : &makes;
	if (numbers->wish.known)
		length = numbers->wish.n * numbers->wish.lines * LINE_BYTES +
			 numbers->wish.more - numbers->wish.less;
	atomic_fetch_add(&all.n_created, 1);
	tb_response_source(res, 200, TB_JSON_TYPE, &numbers->source, length);
}

bool sources_get_quick(void *state, const struct tb_request *req,
		       struct tb_response *res)
{
	sources_get(state, req, res);
	return true;
}

bool sources_get_counts(void *state, const struct tb_request *req,
			struct tb_response *res)
{
	unsigned n_created = atomic_load(&all.n_created);
	struct tb_buf buf;
	struct tb_json_writer w = tb_json_writer(&buf);

	(void)state;
	(void)req;
	tb_buf_init(&buf, PIECE_MAX);
	tb_json_begin_object(&w);
	tb_json_kv_uint(&w, "created", n_created);
	tb_json_kv_uint(&w, "left", n_created - atomic_load(&all.n_destroyed));
	tb_json_kv_uint(&w, "found", atomic_load(&all.n_found));
	tb_json_kv_uint(&w, "made", atomic_load(&all.n_made));
	pthread_mutex_lock(&all.lock);
	tb_json_kv_uint(&w, "waiting", all.n_waiting);
	pthread_mutex_unlock(&all.lock);
	tb_json_end_object(&w);
	tb_response_body(res, 200, TB_JSON_TYPE, &buf);
	return true;
}

bool sources_open_gate(void *state, const struct tb_request *req,
		       struct tb_response *res)
{
	(void)state;
	(void)req;
	pthread_mutex_lock(&all.lock);
	all.is_open = true;
	pthread_cond_broadcast(&all.opened);
	pthread_mutex_unlock(&all.lock);
	tb_response_empty(res, 204);
	return true;
}
