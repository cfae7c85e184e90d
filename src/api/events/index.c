#include "api/events/index.h"

#include <pthread.h>

#include "base/alloc.h"
#include "base/assert.h"

/* Segments that one history is remembered by: 2^20 segments of 1,024 are a
 * billion events. Those behind it are read, but nothing is known of them. */
#define SEGMENTS_MAX ((uint64_t)1 << 20)

struct history {
	struct tb_history_id id;
	struct tb_segment_facts *facts;
	uint64_t n;
};

struct tb_history_index {
	pthread_mutex_t lock; /* of what follows */
	struct history *histories;
	size_t n;
};

struct tb_history_index *tb_history_index_create(void)
{
	struct tb_history_index *index = tb_calloc(1, sizeof(*index));

	if (index)
		TB_ASSERT(pthread_mutex_init(&index->lock, NULL) == 0);
	return index;
}

void tb_history_index_destroy(struct tb_history_index *index)
{
	if (!index)
		return;
	for (size_t i = 0; i < index->n; i++)
		tb_free(index->histories[i].facts);
	tb_free(index->histories);
	pthread_mutex_destroy(&index->lock);
	tb_free(index);
}

/* There are as many as orgs whose history was read: few. NULL: none. */
static struct history *find(struct tb_history_index *index, uint32_t org)
{
	for (size_t i = 0; i < index->n; i++)
		if (index->histories[i].id.org == org)
			return &index->histories[i];
	return NULL;
}

/* NULL: no memory. What another epoch left there is forgotten. */
static struct history *find_or_add(struct tb_history_index *index,
				   struct tb_history_id id)
{
	struct history *history = find(index, id.org);

	if (!history) {
		history = tb_realloc(index->histories,
				     (index->n + 1) * sizeof(*history));
		if (!history)
			return NULL;
		index->histories = history;
		history += index->n++;
		*history = (struct history) { .id = id };
	}
	if (history->id.epoch != id.epoch) {
		tb_free(history->facts);
		*history = (struct history) { .id = id };
	}
	return history;
}

static bool make_room(struct history *history, uint64_t segment)
{
	uint64_t n = history->n ? history->n : 8;
	struct tb_segment_facts *facts;

	if (segment < history->n)
		return true;
	if (segment >= SEGMENTS_MAX)
		return false;
	while (n <= segment)
		n *= 2;
	facts = tb_realloc(history->facts, n * sizeof(*facts));
	if (!facts)
		return false;
	memset(facts + history->n, 0, (n - history->n) * sizeof(*facts));
	history->facts = facts;
	history->n = n;
	return true;
}

/* NULL: nothing is known of this history. */
static const struct history *find_known(struct tb_history_index *index,
					struct tb_history_id id)
{
	const struct history *history = find(index, id.org);

	return history && history->id.epoch == id.epoch ? history : NULL;
}

struct tb_segment_facts tb_history_index_get(struct tb_history_index *index,
					     struct tb_history_id id,
					     uint64_t segment)
{
	struct tb_segment_facts facts = { .bytes = 0 };
	const struct history *history;

	pthread_mutex_lock(&index->lock);
	history = find_known(index, id);
	if (history && segment < history->n)
		facts = history->facts[segment];
	pthread_mutex_unlock(&index->lock);
	return facts;
}

static void add(struct tb_segment_facts *to,
		const struct tb_segment_facts *facts)
{
	if (!to->bytes)
		to->bytes = facts->bytes;
	/* Two readings of a part each may have seen different parts. */
	if (!to->lowest_s) {
		to->lowest_s = facts->lowest_s;
		to->highest_s = facts->highest_s;
	}
}

void tb_history_index_put(struct tb_history_index *index,
			  struct tb_history_id id, uint64_t segment,
			  const struct tb_segment_facts *facts)
{
	struct history *history;

	pthread_mutex_lock(&index->lock);
	history = find_or_add(index, id);
	if (history && make_room(history, segment))
		add(&history->facts[segment], facts);
	pthread_mutex_unlock(&index->lock);
}

/* Stops at the first segment of which it is not known. */
static uint64_t sum(const struct history *history, uint64_t *at, uint64_t last)
{
	uint64_t bytes = 0;

	while (*at < last && *at < history->n && history->facts[*at].bytes)
		bytes += history->facts[(*at)++].bytes;
	return bytes;
}

bool tb_history_index_bytes(struct tb_history_index *index,
			    struct tb_history_id id, uint64_t first,
			    uint64_t last, uint64_t *ret)
{
	const struct history *history;
	uint64_t bytes = 0;

	pthread_mutex_lock(&index->lock);
	history = find_known(index, id);
	if (history)
		bytes = sum(history, &first, last);
	pthread_mutex_unlock(&index->lock);
	if (first < last)
		return false;
	*ret = bytes;
	return true;
}
