#include "kernel/audit_read.h"

#include "base/assert.h"
#include "codec/json.h"
#include "codec/time.h"
#include "kernel/audit_base.h"

/* For one row at a time, with its detail. */
#define ARENA_MAX ((size_t)256 << 20)
/* A member of a row, escaped. */
#define MEMBER_MAX_BYTES 8192
#define DAY_US (86400 * INT64_C(1000000))

/* ---- one row ---- */

enum tb_err tb_audit_find(struct tb_tx *tx, struct tb_arena *arena,
			  uint32_t org, uint64_t n, struct tb_audit_entry *ret)
{
	struct tb_audit_row row;
	enum tb_err err =
		tx->store->ops->audit_next(tx, arena, org, n - 1, &row);

	if (err == TB_OK && row.n != n)
		return TB_ERR_NOT_FOUND;
	if (err == TB_OK)
		err = tb_audit_decode(arena, &row, ret);
	if (err != TB_ERR_CORRUPT)
		return err;
	*ret = (struct tb_audit_entry) { .n = n, .status = TB_STR("damaged") };
	return TB_OK;
}

/* ---- times ---- */

enum tb_err tb_audit_parse_time(struct tb_str text, bool is_end,
				int64_t *ret_us)
{
	int64_t us;

	if (tb_time_parse(text, TB_TIME_ANY_FORM, ret_us) == TB_OK)
		return TB_OK;
	if (tb_time_parse(text, TB_TIME_ANY_FORM | TB_TIME_DATE_ALLOWED, &us) !=
	    TB_OK)
		return TB_ERR_INVALID;
	*ret_us = is_end ? us + DAY_US - 1 : us;
	return TB_OK;
}

/* The number and time of the first row from `from` on that can be read.
 * NOT_FOUND: there is none up to `to`. */
static enum tb_err time_from(struct tb_tx *tx, struct tb_arena *arena,
			     uint32_t org, uint64_t from, uint64_t to,
			     uint64_t *ret_n, int64_t *ret_us)
{
	struct tb_audit_row row;
	struct tb_audit_entry entry;
	enum tb_err err = TB_ERR_CORRUPT;

	for (uint64_t n = from; err == TB_ERR_CORRUPT && n <= to; n++) {
		tb_arena_reset(arena);
		err = tx->store->ops->audit_next(tx, arena, org, n - 1, &row);
		if (err == TB_OK && row.n > to)
			return TB_ERR_NOT_FOUND;
		row.detail = TB_STR_NONE;
		if (err == TB_OK)
			err = tb_audit_decode(arena, &row, &entry);
	}
	if (err == TB_OK) {
		*ret_n = entry.n;
		*ret_us = entry.time_us;
	}
	return err == TB_ERR_CORRUPT ? TB_ERR_NOT_FOUND : err;
}

/* The first row above `low` and up to `high` whose time is `us` or later; high
 * + 1: there is none. */
static enum tb_err find_from(struct tb_tx *tx, struct tb_arena *arena,
			     uint32_t org, uint64_t low, uint64_t high,
			     int64_t us, uint64_t *ret)
{
	high++;
	while (low + 1 < high) {
		uint64_t middle = low + (high - low) / 2;
		uint64_t n = middle;
		int64_t at_us = us;
		enum tb_err err =
			time_from(tx, arena, org, middle, high - 1, &n, &at_us);

		if (err != TB_OK && err != TB_ERR_NOT_FOUND)
			return err;
		if (err == TB_OK && at_us < us)
			low = n;
		else
			high = middle;
	}
	*ret = high;
	return TB_OK;
}

enum tb_err tb_audit_find_before(struct tb_tx *tx, struct tb_arena *arena,
				 uint32_t org, int64_t us, uint64_t *ret)
{
	struct tb_audit_base base;
	struct tb_org row;
	uint64_t from = 0;
	enum tb_err err = tx->store->ops->org_get(tx, org, &row);

	if (err == TB_OK)
		err = tb_audit_base_read(tx, arena, org, &base);
	if (err == TB_OK)
		err = find_from(tx, arena, org, base.n, row.audit_n, us, &from);
	if (err == TB_OK)
		*ret = from - 1 > base.n ? from - 1 : 0;
	return err;
}

static enum tb_err find_range(struct tb_tx *tx, struct tb_arena *arena,
			      const struct tb_audit_query *query,
			      struct tb_audit_walk *walk)
{
	struct tb_audit_base base;
	struct tb_org org;
	enum tb_err err = tx->store->ops->org_get(tx, query->org, &org);

	if (err == TB_OK)
		err = tb_audit_base_read(tx, arena, query->org, &base);
	if (err != TB_OK)
		return err;
	walk->first = base.n + 1;
	walk->next = org.audit_n;
	if (query->since_us != INT64_MIN)
		err = find_from(tx, arena, query->org, base.n, org.audit_n,
				query->since_us, &walk->first);
	if (err == TB_OK && query->until_us != INT64_MAX) {
		err = find_from(tx, arena, query->org, base.n, org.audit_n,
				query->until_us + 1, &walk->next);
		walk->next -= err == TB_OK;
	}
	return err;
}

/* ---- a walk ---- */

enum tb_err tb_audit_walk_begin(struct tb_core *core,
				const struct tb_audit_query *query,
				struct tb_audit_walk *ret)
{
	struct tb_audit_walk walk = { .query = query };
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);
	struct tb_tx *tx;
	enum tb_err err;

	if (arena == NULL)
		return TB_ERR_NOMEM;
	err = tb_core_read(core, &tx);
	if (err == TB_OK) {
		err = find_range(tx, arena, query, &walk);
		tb_core_read_end(tx);
	}
	tb_arena_destroy(arena);
	if (err == TB_OK)
		*ret = walk;
	return err;
}

bool tb_audit_walk_is_done(const struct tb_audit_walk *walk)
{
	return walk->next < walk->first;
}

/* What a row must have in it to fit: quickly told, and right in all but the
 * rarest cases, in which the row is read. */
struct sieve {
	struct tb_buf event_type;
	struct tb_buf device;
};

static void put_member(struct tb_buf *buf, const char *name,
		       struct tb_str value)
{
	struct tb_json_writer w = tb_json_writer(buf);

	if (value.p != NULL)
		tb_json_kv_str(&w, name, value);
}

static enum tb_err sieve_init(struct sieve *sieve,
			      const struct tb_audit_query *query)
{
	tb_buf_init(&sieve->event_type, MEMBER_MAX_BYTES);
	tb_buf_init(&sieve->device, MEMBER_MAX_BYTES);
	put_member(&sieve->event_type, "event_type", query->event_type);
	put_member(&sieve->device, "device", query->device);
	return tb_buf_err(&sieve->event_type) != TB_OK
		       ? tb_buf_err(&sieve->event_type)
		       : tb_buf_err(&sieve->device);
}

static void sieve_fini(struct sieve *sieve)
{
	tb_buf_fini(&sieve->event_type);
	tb_buf_fini(&sieve->device);
}

static bool holds(struct tb_str text, const struct tb_buf *part)
{
	return part->n == 0 ||
	       (text.n > 0 && memmem(text.p, text.n, part->p, part->n) != NULL);
}

static bool is_asked(struct tb_str asked, struct tb_str value)
{
	return asked.p == NULL || tb_str_eq(asked, value);
}

static enum tb_err fits(struct tb_arena *arena,
			const struct tb_audit_query *query,
			const struct sieve *sieve,
			const struct tb_audit_row *row, bool *ret)
{
	struct tb_audit_entry entry;
	enum tb_err err;

	*ret = holds(row->row, &sieve->event_type) &&
	       holds(row->detail, &sieve->device);
	if (!*ret || (query->event_type.p == NULL && query->device.p == NULL))
		return TB_OK;
	err = tb_audit_decode(arena, row, &entry);
	*ret = err == TB_OK && is_asked(query->event_type, entry.event_type) &&
	       is_asked(query->device, entry.device);
	return err == TB_ERR_CORRUPT ? TB_OK : err;
}

/* Rows from `from` up to walk->next, in the order of the chain. */
static enum tb_err look_at(struct tb_tx *tx, struct tb_arena *arena,
			   const struct tb_audit_walk *walk,
			   const struct sieve *sieve, uint64_t from,
			   uint64_t *rets, size_t *ret_n)
{
	struct tb_audit_row row;
	enum tb_err err = TB_OK;
	bool is_one = false;

	*ret_n = 0;
	for (uint64_t n = from; err == TB_OK && n <= walk->next; n++) {
		tb_arena_reset(arena);
		err = tx->store->ops->audit_next(tx, arena, walk->query->org,
						 n - 1, &row);
		/* Rows that are not there are passed over. */
		if (err == TB_OK && row.n > walk->next)
			break;
		if (err == TB_OK)
			err = fits(arena, walk->query, sieve, &row, &is_one);
		if (err == TB_OK && is_one)
			rets[(*ret_n)++] = row.n;
		if (err == TB_OK)
			n = row.n;
		if (err == TB_ERR_CORRUPT)
			err = TB_OK;
	}
	return err == TB_ERR_NOT_FOUND ? TB_OK : err;
}

static void turn_round(uint64_t *list, size_t n)
{
	for (size_t i = 0; i < n / 2; i++) {
		uint64_t x = list[i];

		list[i] = list[n - 1 - i];
		list[n - 1 - i] = x;
	}
}

static enum tb_err look(struct tb_core *core, const struct tb_audit_walk *walk,
			const struct sieve *sieve, uint64_t from,
			uint64_t *rets, size_t *ret_n)
{
	struct tb_arena *arena = tb_arena_create(ARENA_MAX);
	struct tb_tx *tx;
	enum tb_err err;

	if (arena == NULL)
		return TB_ERR_NOMEM;
	err = tb_core_read(core, &tx);
	if (err == TB_OK) {
		err = look_at(tx, arena, walk, sieve, from, rets, ret_n);
		tb_core_read_end(tx);
	}
	tb_arena_destroy(arena);
	return err;
}

enum tb_err tb_audit_walk_next(struct tb_core *core, struct tb_audit_walk *walk,
			       uint64_t *rets, size_t max, size_t *ret_n)
{
	uint64_t from = walk->first;
	struct sieve sieve;
	enum tb_err err;

	TB_ASSERT(max > 0 && max <= TB_AUDIT_PAGE_MAX);
	*ret_n = 0;
	if (tb_audit_walk_is_done(walk))
		return TB_OK;
	if (walk->next - from >= max)
		from = walk->next - max + 1;
	err = sieve_init(&sieve, walk->query);
	if (err == TB_OK)
		err = look(core, walk, &sieve, from, rets, ret_n);
	sieve_fini(&sieve);
	if (err != TB_OK)
		return err;
	turn_round(rets, *ret_n);
	walk->next = from - 1;
	return TB_OK;
}

/* ---- a page ---- */

/* All rows within the times fit, so that nothing has to be looked at. */
static void count_off(const struct tb_audit_walk *walk, uint64_t offset,
		      size_t limit, struct tb_audit_page *page)
{
	page->total =
		tb_audit_walk_is_done(walk) ? 0 : walk->next - walk->first + 1;
	for (uint64_t i = offset; i < page->total && page->n < limit; i++)
		page->rows[page->n++] = walk->next - i;
}

static enum tb_err look_through(struct tb_core *core,
				struct tb_audit_walk *walk, uint64_t offset,
				size_t limit, uint64_t scan_max,
				struct tb_audit_page *page)
{
	uint64_t rows[TB_AUDIT_PAGE_MAX];
	enum tb_err err = TB_OK;
	size_t n;

	if (walk->next - walk->first >= scan_max &&
	    !tb_audit_walk_is_done(walk)) {
		walk->first = walk->next - scan_max + 1;
		page->is_complete = false;
	}
	while (err == TB_OK && !tb_audit_walk_is_done(walk)) {
		err = tb_audit_walk_next(core, walk, rows, TB_AUDIT_PAGE_MAX,
					 &n);
		for (size_t i = 0; err == TB_OK && i < n; i++) {
			if (page->total++ >= offset && page->n < limit)
				page->rows[page->n++] = rows[i];
		}
	}
	return err;
}

enum tb_err tb_audit_page_read(struct tb_core *core,
			       const struct tb_audit_query *query,
			       uint64_t offset, size_t limit, uint64_t scan_max,
			       struct tb_audit_page *ret)
{
	struct tb_audit_walk walk;
	enum tb_err err = tb_audit_walk_begin(core, query, &walk);

	TB_ASSERT(limit <= TB_AUDIT_PAGE_MAX && scan_max > 0);
	ret->n = 0;
	ret->total = 0;
	ret->is_complete = true;
	if (err != TB_OK)
		return err;
	if (query->event_type.p != NULL || query->device.p != NULL)
		return look_through(core, &walk, offset, limit, scan_max, ret);
	count_off(&walk, offset, limit, ret);
	return TB_OK;
}
