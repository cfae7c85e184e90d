#include "jobs/connectors/place.h"

#include "base/assert.h"
#include "codec/digest.h"
#include "jobs/connectors/failure.h"

/* Who makes two marks equal on purpose ends nothing but the reading of what is
 * their own. */
static const uint64_t mark_key[2] = { 0, 0 };

/* Brent's way to find a circle. True: this one was there before. */
static bool meets(struct tb_place *place, uint64_t mark)
{
	if (place->doubled > 0 && mark == place->remembered)
		return true;
	if (place->since == place->doubled) {
		place->remembered = mark;
		place->doubled = place->doubled > 0 ? place->doubled * 2 : 1;
		place->since = 0;
	}
	place->since++;
	return false;
}

enum tb_err tb_place_go_on(struct tb_place *place, struct tb_arena *arena,
			   size_t n, struct tb_str next, struct tb_str mark,
			   struct tb_connector_failure *ret_failure)
{
	if (next.n > TB_PLACE_NEXT_MAX_BYTES)
		return tb_failure_set(ret_failure, arena, TB_ERR_TOO_LARGE,
				      "cursor_too_long", false,
				      "the name of the next page is over %d "
				      "bytes",
				      TB_PLACE_NEXT_MAX_BYTES);
	if (n == 0 && place->n_empty == TB_PLACE_EMPTY_MAX)
		return tb_failure_set(ret_failure, arena, TB_ERR_CONFLICT,
				      "cursor_loops", false,
				      "%d pages in a row hold no record",
				      TB_PLACE_EMPTY_MAX);
	if (tb_str_eq(next, tb_place_next(place)) ||
	    meets(place, tb_siphash(mark_key, mark)))
		return tb_failure_set(ret_failure, arena, TB_ERR_CONFLICT,
				      "cursor_loops", false,
				      "a page comes again after %llu records",
				      (unsigned long long)place->read + n);
	memcpy(place->next, next.p, next.n);
	place->n_next = next.n;
	place->read += n;
	place->n_empty = n > 0 ? 0 : place->n_empty + 1;
	return TB_OK;
}

void tb_place_begin_series(struct tb_place *place, size_t n)
{
	place->n_next = 0;
	place->n_empty = 0;
	place->read += n;
	place->remembered = place->since = place->doubled = 0;
}

void tb_place_end(struct tb_place *place, size_t n)
{
	place->read += n;
	place->is_done = true;
}

void tb_place_put(struct tb_json_writer *w, const struct tb_place *place)
{
	tb_json_kv_str(w, "next", tb_place_next(place));
	tb_json_kv_uint(w, "read", place->read);
	/* Seldom there. */
	if (place->n_empty > 0)
		tb_json_kv_uint(w, "empty", place->n_empty);
	tb_json_kv_uint(w, "remembered", place->remembered);
	tb_json_kv_uint(w, "since", place->since);
	tb_json_kv_uint(w, "doubled", place->doubled);
	tb_json_kv_bool(w, "done", place->is_done);
}

static enum tb_err read_next(struct tb_arena *arena, struct tb_json_value value,
			     struct tb_place *place)
{
	struct tb_str next;
	enum tb_err err = tb_json_string(arena, value, &next);

	if (err == TB_OK && next.n > TB_PLACE_NEXT_MAX_BYTES)
		err = TB_ERR_INVALID;
	if (err != TB_OK)
		return err;
	memcpy(place->next, next.p, next.n);
	place->n_next = next.n;
	return TB_OK;
}

static enum tb_err read_empty(struct tb_json_value value, uint64_t *ret)
{
	return tb_json_is_absent(value) ? TB_OK : tb_json_u64(value, ret);
}

enum tb_err tb_place_read(struct tb_arena *arena, struct tb_json_value object,
			  struct tb_place *ret)
{
	struct tb_place place = { 0 };
	const struct {
		struct tb_str name;
		uint64_t *to;
	} numbers[] = {
		{ TB_STR_INIT("read"), &place.read },
		{ TB_STR_INIT("remembered"), &place.remembered },
		{ TB_STR_INIT("since"), &place.since },
		{ TB_STR_INIT("doubled"), &place.doubled },
	};
	enum tb_err err =
		read_next(arena, tb_json_get(object, TB_STR("next")), &place);

	for (size_t i = 0; err == TB_OK && i < TB_ARRAY_LEN(numbers); i++)
		err = tb_json_u64(tb_json_get(object, numbers[i].name),
				  numbers[i].to);
	if (err == TB_OK)
		err = read_empty(tb_json_get(object, TB_STR("empty")),
				 &place.n_empty);
	if (err == TB_OK)
		err = tb_json_bool(tb_json_get(object, TB_STR("done")),
				   &place.is_done);
	if (err == TB_OK)
		*ret = place;
	return err;
}
