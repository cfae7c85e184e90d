#include "http/spool_sort.h"

#include <stdbool.h>

static struct tb_str text_of(const struct tb_spool_entry *entry,
			     const char *items)
{
	return tb_str(items + entry->offset + entry->key_at, entry->key_len);
}

/* How many of the first `n` bytes two texts have in common. */
static size_t common_bytes(struct tb_str a, struct tb_str b, size_t n)
{
	size_t i;

	n = n < a.n ? n : a.n;
	n = n < b.n ? n : b.n;
	for (i = 0; i < n && a.p[i] == b.p[i];)
		i++;
	return i;
}

/* Eight bytes as a number that compares like them. */
static uint64_t key_of(struct tb_str text)
{
	uint64_t key = 0;
	size_t i;

	for (i = 0; i < sizeof(key); i++)
		key = key << 8 | (i < text.n ? (unsigned char)text.p[i] : 0);
	return key;
}

/* Texts begin alike, often all of them ("patient-00001"): what follows behind
 * that tells most of them apart without a look at the item, which may be
 * anywhere in a file. */
static void put_keys(struct tb_spool_entry *entries, size_t n,
		     const char *items)
{
	size_t alike = SIZE_MAX, i;

	for (i = 0; i < n; i++)
		alike = common_bytes(text_of(&entries[0], items),
				     text_of(&entries[i], items), alike);
	for (i = 0; i < n; i++) {
		struct tb_str text = text_of(&entries[i], items);

		entries[i].key = key_of(tb_str(text.p + alike, text.n - alike));
	}
}

static bool is_before(const struct tb_spool_entry *a,
		      const struct tb_spool_entry *b, const char *items)
{
	if (a->key != b->key || !items)
		return a->key < b->key;
	return tb_str_cmp(text_of(a, items), text_of(b, items)) < 0;
}

/* Merges from[0..middle) with from[middle..n). Most lists are nearly in order:
 * a pair of runs that is so already is copied. */
static void merge(const struct tb_spool_entry *from, size_t middle, size_t n,
		  struct tb_spool_entry *to, const char *items)
{
	size_t a = 0, b = middle, i;

	if (middle == n || !is_before(&from[middle], &from[middle - 1], items))
		b = n;
	if (b == n) {
		memcpy(to, from, n * sizeof(*to));
		return;
	}
	for (i = 0; i < n; i++) {
		bool is_b = a == middle ||
			    (b < n && is_before(&from[b], &from[a], items));

		to[i] = from[is_b ? b++ : a++];
	}
}

static struct tb_spool_entry *sort(struct tb_spool_entry *entries,
				   struct tb_spool_entry *scratch, size_t n,
				   const char *items)
{
	struct tb_spool_entry *from = entries, *to = scratch, *swap;
	size_t run, i;

	for (run = 1; run < n; run *= 2) {
		for (i = 0; i < n; i += 2 * run) {
			size_t left = n - i;

			merge(from + i, run < left ? run : left,
			      2 * run < left ? 2 * run : left, to + i, items);
		}
		swap = from;
		from = to;
		to = swap;
	}
	return from;
}

struct tb_spool_entry *tb_spool_sort(struct tb_spool_entry *entries,
				     struct tb_spool_entry *scratch, size_t n,
				     const char *items)
{
	if (items)
		put_keys(entries, n, items);
	return sort(entries, scratch, n, items);
}

struct tb_spool_entry *tb_spool_sort_back(struct tb_spool_entry *entries,
					  struct tb_spool_entry *scratch,
					  size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		entries[i].key = entries[i].offset;
	return sort(entries, scratch, n, NULL);
}

size_t tb_spool_keep_last(struct tb_spool_entry *entries, size_t n,
			  const char *items)
{
	size_t kept = 0, i;

	for (i = 0; i < n; i++) {
		bool is_last = i + 1 == n ||
			       is_before(&entries[i], &entries[i + 1], items);

		if (is_last && entries[i].len > 0)
			entries[kept++] = entries[i];
	}
	return kept;
}
