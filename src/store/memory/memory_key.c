#include "store/memory/memory_key.h"

#include "base/assert.h"

static void start(struct tb_memory_key *key, enum tb_memory_table table)
{
	key->p[0] = (char)table;
	key->n = 1;
}

static void add(struct tb_memory_key *key, uint64_t field)
{
	for (int shift = 56; shift >= 0; shift -= 8)
		key->p[key->n++] = (char)(field >> shift);
}

static void add_bytes(struct tb_memory_key *key, struct tb_str bytes)
{
	TB_ASSERT(bytes.n <= TB_KEY_MAX);
	/* Its length comes first, so that none is the beginning of another. */
	key->p[key->n++] = (char)(bytes.n >> 8);
	key->p[key->n++] = (char)bytes.n;
	if (bytes.n > 0)
		memcpy(key->p + key->n, bytes.p, bytes.n);
	key->n += bytes.n;
}

struct tb_memory_key tb_memory_key_1(enum tb_memory_table table, uint64_t a)
{
	struct tb_memory_key key;

	start(&key, table);
	add(&key, a);
	return key;
}

struct tb_memory_key tb_memory_key_2(enum tb_memory_table table, uint64_t a,
				     uint64_t b)
{
	struct tb_memory_key key = tb_memory_key_1(table, a);

	add(&key, b);
	return key;
}

struct tb_memory_key tb_memory_key_record(uint32_t org, struct tb_str bytes,
					  uint64_t coll)
{
	struct tb_memory_key key = tb_memory_key_1(TB_MEMORY_KEY, org);

	add_bytes(&key, bytes);
	add(&key, coll);
	return key;
}

struct tb_memory_key tb_memory_key_link(uint32_t org, uint64_t coll,
					struct tb_str bytes, uint64_t child)
{
	struct tb_memory_key key = tb_memory_key_2(TB_MEMORY_LINK, org, coll);

	add_bytes(&key, bytes);
	add(&key, child);
	return key;
}

bool tb_memory_key_is_near(struct tb_str a, struct tb_str b)
{
	TB_ASSERT(a.n >= sizeof(uint64_t));
	return a.n == b.n && memcmp(a.p, b.p, a.n - sizeof(uint64_t)) == 0;
}

uint64_t tb_memory_key_number(struct tb_str key, size_t at)
{
	uint64_t v = 0;

	TB_ASSERT(at + sizeof(v) <= key.n);
	for (size_t i = 0; i < sizeof(v); i++)
		v = v << 8 | (uint8_t)key.p[at + i];
	return v;
}

uint64_t tb_memory_key_last(struct tb_str key)
{
	TB_ASSERT(key.n >= sizeof(uint64_t));
	return tb_memory_key_number(key, key.n - sizeof(uint64_t));
}
