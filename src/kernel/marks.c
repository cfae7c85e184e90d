#include "kernel/marks.h"

#include "base/assert.h"
#include "codec/json.h"

#define ROOM_MIN 8

/* The first island that ends at or above a number. */
static size_t position_of(const struct tb_marks *marks, uint64_t num)
{
	size_t low = 0;
	size_t high = marks->n_islands;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (marks->islands[middle].last < num)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool tb_marks_has(const struct tb_marks *marks, uint64_t num)
{
	return tb_marks_next(marks, num) != num;
}

uint64_t tb_marks_next(const struct tb_marks *marks, uint64_t num)
{
	size_t at;

	if (num <= marks->done)
		return marks->done + 1;
	at = position_of(marks, num);
	if (at < marks->n_islands && marks->islands[at].first <= num)
		return marks->islands[at].last + 1;
	return num;
}

uint64_t tb_marks_next_done(const struct tb_marks *marks, uint64_t num)
{
	size_t at = position_of(marks, num);

	if (num <= marks->done)
		return num;
	if (at == marks->n_islands)
		return UINT64_MAX;
	return marks->islands[at].first > num ? marks->islands[at].first : num;
}

uint64_t tb_marks_last_done(const struct tb_marks *marks, uint64_t num)
{
	size_t at = position_of(marks, num);

	if (num <= marks->done)
		return num > 0 ? num - 1 : 0;
	if (at < marks->n_islands && marks->islands[at].first < num)
		return num - 1;
	return at > 0 ? marks->islands[at - 1].last : marks->done;
}

uint64_t tb_marks_begin_of(const struct tb_marks *marks, uint64_t num)
{
	TB_ASSERT(tb_marks_has(marks, num));
	return num > marks->done ? marks->islands[position_of(marks, num)].first
				 : 1;
}

uint64_t tb_marks_missing(const struct tb_marks *marks, uint64_t first,
			  uint64_t last)
{
	uint64_t n = 0;

	for (uint64_t at = tb_marks_next(marks, first); at <= last;) {
		uint64_t end = tb_marks_next_done(marks, at);

		if (end > last)
			return n + (last - at + 1);
		n += end - at;
		at = tb_marks_next(marks, end);
	}
	return n;
}

/* ---- adding ---- */

/* How many islands there is room for where there are so many. */
static size_t room_for(size_t n)
{
	size_t room = ROOM_MIN;

	while (room < n)
		room *= 2;
	return n > 0 ? room : 0;
}

static enum tb_err grow(struct tb_marks *marks, struct tb_arena *arena)
{
	size_t room = room_for(marks->n_islands);
	struct tb_island *islands;

	if (marks->n_islands < room)
		return TB_OK;
	islands =
		tb_arena_resize(arena, marks->islands, room * sizeof(*islands),
				room_for(room + 1) * sizeof(*islands));
	if (islands == NULL)
		return TB_ERR_NOMEM;
	marks->islands = islands;
	return TB_OK;
}

/* Takes the islands from `at` up to `end` away. */
static void cut(struct tb_marks *marks, size_t at, size_t end)
{
	if (at == end)
		return;
	memmove(&marks->islands[at], &marks->islands[end],
		(marks->n_islands - end) * sizeof(*marks->islands));
	marks->n_islands -= end - at;
}

static enum tb_err insert(struct tb_marks *marks, struct tb_arena *arena,
			  size_t at, struct tb_island island,
			  size_t islands_max)
{
	enum tb_err err;

	if (marks->n_islands >= islands_max)
		return TB_ERR_TOO_LARGE;
	err = grow(marks, arena);
	if (err != TB_OK)
		return err;
	memmove(&marks->islands[at + 1], &marks->islands[at],
		(marks->n_islands - at) * sizeof(island));
	marks->islands[at] = island;
	marks->n_islands++;
	return TB_OK;
}

/* All up to `last` is done. */
static void raise_done(struct tb_marks *marks, uint64_t last)
{
	size_t n = 0;

	marks->done = last;
	while (n < marks->n_islands &&
	       marks->islands[n].first <= marks->done + 1) {
		if (marks->islands[n].last > marks->done)
			marks->done = marks->islands[n].last;
		n++;
	}
	cut(marks, 0, n);
}

enum tb_err tb_marks_add(struct tb_marks *marks, struct tb_arena *arena,
			 uint64_t first, uint64_t last, size_t islands_max)
{
	struct tb_island island = { first, last };
	size_t at;
	size_t end;

	TB_ASSERT(first <= last && last < UINT64_MAX);
	if (last <= marks->done)
		return TB_OK;
	if (first <= marks->done + 1) {
		raise_done(marks, last);
		return TB_OK;
	}
	/* Those that it touches become one with it. */
	at = position_of(marks, first - 1);
	end = at;
	while (end < marks->n_islands && marks->islands[end].first <= last + 1)
		end++;
	if (at == end)
		return insert(marks, arena, at, island, islands_max);
	if (marks->islands[at].first < first)
		island.first = marks->islands[at].first;
	if (marks->islands[end - 1].last > last)
		island.last = marks->islands[end - 1].last;
	marks->islands[at] = island;
	cut(marks, at + 1, end);
	return TB_OK;
}

/* ---- as text ---- */

void tb_marks_encode(struct tb_buf *buf, const struct tb_marks *marks)
{
	struct tb_json_writer w = tb_json_writer(buf);

	tb_json_begin_object(&w);
	tb_json_kv_uint(&w, "done", marks->done);
	tb_json_key(&w, TB_STR("islands"));
	tb_json_begin_array(&w);
	for (size_t i = 0; i < marks->n_islands; i++) {
		tb_json_begin_array(&w);
		tb_json_uint(&w, marks->islands[i].first);
		tb_json_uint(&w, marks->islands[i].last);
		tb_json_end_array(&w);
	}
	tb_json_end_array(&w);
	tb_json_end_object(&w);
}

static enum tb_err read_island(struct tb_json_value pair, struct tb_island *ret)
{
	struct tb_json_iter it;
	enum tb_err err;

	if (!tb_json_is(pair, TB_JSON_ARRAY) || tb_json_count(pair) != 2)
		return TB_ERR_CORRUPT;
	it = tb_json_iter(pair);
	(void)tb_json_next(&it);
	err = tb_json_u64(it.value, &ret->first);
	(void)tb_json_next(&it);
	if (err == TB_OK)
		err = tb_json_u64(it.value, &ret->last);
	return err == TB_OK ? TB_OK : TB_ERR_CORRUPT;
}

/* Islands stand in order above `done`, with gaps between them. */
static bool is_sound(const struct tb_marks *marks)
{
	uint64_t before = marks->done;

	for (size_t i = 0; i < marks->n_islands; i++) {
		const struct tb_island *island = &marks->islands[i];

		if (before == UINT64_MAX || island->first <= before + 1 ||
		    island->last < island->first)
			return false;
		before = island->last;
	}
	return before < UINT64_MAX;
}

static enum tb_err read_islands(struct tb_arena *arena,
				struct tb_json_value array,
				struct tb_marks *marks)
{
	size_t n = tb_json_count(array);
	struct tb_json_iter it;
	enum tb_err err = TB_OK;

	if (!tb_json_is(array, TB_JSON_ARRAY))
		return TB_ERR_CORRUPT;
	marks->islands =
		tb_arena_calloc(arena, room_for(n), sizeof(*marks->islands));
	if (marks->islands == NULL)
		return TB_ERR_NOMEM;
	it = tb_json_iter(array);
	while (err == TB_OK && tb_json_next(&it))
		err = read_island(it.value,
				  &marks->islands[marks->n_islands++]);
	return err;
}

enum tb_err tb_marks_decode(struct tb_arena *arena, struct tb_str text,
			    struct tb_marks *ret)
{
	struct tb_marks marks = { .done = 0 };
	struct tb_json json;
	struct tb_json_value root;
	enum tb_err err = tb_json_parse(arena, text, NULL, &json, NULL);

	if (err != TB_OK)
		return err == TB_ERR_NOMEM ? err : TB_ERR_CORRUPT;
	root = tb_json_root(&json);
	if (tb_json_u64(tb_json_get(root, TB_STR("done")), &marks.done) !=
	    TB_OK)
		return TB_ERR_CORRUPT;
	err = read_islands(arena, tb_json_get(root, TB_STR("islands")), &marks);
	if (err == TB_OK && !is_sound(&marks))
		err = TB_ERR_CORRUPT;
	if (err == TB_OK)
		*ret = marks;
	return err;
}
