#include "realtime/sio_pending.h"

#include "base/alloc.h"

#define CAP_MIN 8

void tb_sio_pending_init(struct tb_sio_pending *pending, size_t max)
{
	*pending = (struct tb_sio_pending) { .max = max };
}

void tb_sio_pending_fini(struct tb_sio_pending *pending)
{
	tb_free(pending->rows);
	tb_sio_pending_init(pending, pending->max);
}

/* The row's place, or `n`. */
static size_t find(const struct tb_sio_pending *pending, size_t nsp,
		   uint64_t id)
{
	size_t i = 0;

	while (i < pending->n &&
	       (pending->rows[i].nsp != nsp || pending->rows[i].id != id))
		i++;
	return i;
}

bool tb_sio_pending_has(const struct tb_sio_pending *pending, size_t nsp,
			uint64_t id)
{
	return find(pending, nsp, id) < pending->n;
}

static enum tb_err make_room(struct tb_sio_pending *pending)
{
	size_t cap = pending->cap > 0 ? pending->cap * 2 : CAP_MIN;
	struct tb_sio_pending_row *rows;

	if (pending->n < pending->cap)
		return TB_OK;
	rows = tb_realloc(pending->rows, cap * sizeof(*rows));
	if (rows == NULL)
		return TB_ERR_NOMEM;
	pending->rows = rows;
	pending->cap = cap;
	return TB_OK;
}

enum tb_err tb_sio_pending_add(struct tb_sio_pending *pending, size_t nsp,
			       uint64_t id, uint64_t tag)
{
	enum tb_err err;

	if (tb_sio_pending_has(pending, nsp, id))
		return TB_ERR_EXISTS;
	if (pending->n >= pending->max)
		return TB_ERR_BUSY;
	err = make_room(pending);
	if (err != TB_OK)
		return err;
	pending->rows[pending->n++] =
		(struct tb_sio_pending_row) { nsp, id, tag };
	return TB_OK;
}

static void remove_at(struct tb_sio_pending *pending, size_t at)
{
	pending->rows[at] = pending->rows[--pending->n];
}

bool tb_sio_pending_take(struct tb_sio_pending *pending, size_t nsp,
			 uint64_t id, uint64_t *ret_tag)
{
	size_t at = find(pending, nsp, id);

	if (at == pending->n)
		return false;
	if (ret_tag != NULL)
		*ret_tag = pending->rows[at].tag;
	remove_at(pending, at);
	return true;
}

void tb_sio_pending_drop_tag(struct tb_sio_pending *pending, uint64_t tag)
{
	for (size_t i = pending->n; i > 0; i--) {
		if (pending->rows[i - 1].tag == tag)
			remove_at(pending, i - 1);
	}
}

void tb_sio_pending_drop_nsp(struct tb_sio_pending *pending, size_t nsp)
{
	for (size_t i = pending->n; i > 0; i--) {
		if (pending->rows[i - 1].nsp == nsp)
			remove_at(pending, i - 1);
	}
}
