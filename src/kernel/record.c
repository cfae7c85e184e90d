#include "kernel/record.h"

#include "base/assert.h"

/*
 * An entry is, one behind the other: the scope (own org: its number doubled;
 * else its rid doubled plus one), `num`, `num - entered`, the difference of
 * `time_us` to the entry before, zigzag, and `origin`, all as varints of seven
 * bits a byte with the lowest first; then one byte of flags. The end of the
 * bytes ends the list. Each list has one encoding only.
 */

#define VARINT_MAX 10 /* bytes of the longest 64-bit varint */
#define ENTRY_ENCODED_MAX (5 * VARINT_MAX + 1)

const struct tb_entry *tb_record_entry(const struct tb_record *record,
				       uint64_t scope)
{
	for (size_t i = 0; i < record->n_entries; i++)
		if (record->entries[i].scope == scope)
			return &record->entries[i];
	return NULL;
}

bool tb_entry_equal(const struct tb_entry *a, const struct tb_entry *b)
{
	return a->scope == b->scope && a->num == b->num &&
	       a->entered == b->entered && a->time_us == b->time_us &&
	       a->origin == b->origin && a->flags == b->flags;
}

static size_t varint_put(uint8_t *p, uint64_t v)
{
	size_t n = 0;

	while (v >= 0x80) {
		p[n++] = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	p[n++] = (uint8_t)v;
	return n;
}

static uint64_t zigzag(uint64_t difference)
{
	return (difference << 1) ^ (0 - (difference >> 63));
}

static uint64_t unzigzag(uint64_t v)
{
	return (v >> 1) ^ (0 - (v & 1));
}

static uint64_t scope_code(uint32_t org, uint64_t scope)
{
	TB_ASSERT(scope <= tb_rid(TB_ORG_MAX, TB_NUM_MAX));
	if (tb_rid_org(scope) == org)
		return (scope & TB_NUM_MAX) << 1;
	return scope << 1 | 1;
}

void tb_entries_encode(struct tb_buf *buf, uint32_t org,
		       const struct tb_entry *entries, size_t n)
{
	uint64_t time = 0;

	TB_ASSERT(n <= TB_ENTRIES_MAX);
	for (size_t i = 0; i < n; i++) {
		const struct tb_entry *e = &entries[i];
		uint8_t *start =
			(uint8_t *)tb_buf_reserve(buf, ENTRY_ENCODED_MAX);
		uint8_t *p = start;

		if (!start)
			return;
		p += varint_put(p, scope_code(org, e->scope));
		p += varint_put(p, e->num);
		p += varint_put(p, e->num - e->entered);
		p += varint_put(p, zigzag((uint64_t)e->time_us - time));
		p += varint_put(p, e->origin);
		*p++ = e->flags;
		buf->n += (size_t)(p - start);
		time = (uint64_t)e->time_us;
	}
}

/* What is left to decode; `bad` once it was not as encode writes it. */
struct reader {
	const uint8_t *p;
	const uint8_t *end;
	bool bad;
};

static uint64_t varint_get(struct reader *r)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64 && r->p < r->end; shift += 7) {
		uint8_t byte = *r->p++;

		v |= (uint64_t)(byte & 0x7f) << shift;
		if (byte & 0x80)
			continue;
		/* A zero on top is too long a form; of the tenth byte only
		 * the lowest bit fits. */
		if ((shift > 0 && byte == 0) || (shift == 63 && byte > 1))
			break;
		return v;
	}
	r->bad = true;
	return 0;
}

static uint64_t scope_get(struct reader *r, uint32_t org)
{
	uint64_t code = varint_get(r);

	if (code & 1) {
		r->bad |= tb_rid_org(code >> 1) == org;
		return code >> 1;
	}
	r->bad |= code >> 1 > TB_NUM_MAX;
	return tb_rid(org, code >> 1);
}

static void entry_get(struct reader *r, uint32_t org, uint64_t time,
		      struct tb_entry *ret)
{
	uint64_t origin;

	ret->scope = scope_get(r, org);
	ret->num = varint_get(r);
	ret->entered = ret->num - varint_get(r);
	ret->time_us = (int64_t)(time + unzigzag(varint_get(r)));
	origin = varint_get(r);
	r->bad |= origin > UINT32_MAX || r->p == r->end;
	ret->origin = (uint32_t)origin;
	ret->flags = r->p < r->end ? *r->p++ : 0;
}

/* How many entries the bytes can hold, so that no more is taken for them: each
 * is five varints and a byte of flags. */
static size_t count_entries(struct tb_str bytes)
{
	size_t n = 0;
	unsigned varints = 0;

	for (size_t i = 0; i < bytes.n && n < TB_ENTRIES_MAX; i++) {
		if (varints == 5) {
			varints = 0;
			n++;
		} else {
			varints += !((uint8_t)bytes.p[i] & 0x80);
		}
	}
	return n;
}

enum tb_err tb_entries_decode(struct tb_arena *arena, uint32_t org,
			      struct tb_str bytes, const struct tb_entry **ret,
			      size_t *ret_n)
{
	size_t max = count_entries(bytes);
	struct tb_entry *entries = NULL;
	struct reader r;
	size_t n = 0;

	if (max > 0) {
		entries = tb_arena_alloc(arena, max * sizeof(*entries));
		if (!entries)
			return TB_ERR_NOMEM;
	}
	r.p = (const uint8_t *)(bytes.n > 0 ? bytes.p : "");
	r.end = r.p + bytes.n;
	r.bad = false;
	while (r.p < r.end && n < max && !r.bad) {
		uint64_t time = n > 0 ? (uint64_t)entries[n - 1].time_us : 0;

		entry_get(&r, org, time, &entries[n++]);
	}
	if (r.bad || r.p < r.end)
		return TB_ERR_CORRUPT;
	*ret = entries;
	*ret_n = n;
	return TB_OK;
}
