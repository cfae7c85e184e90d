/*
 * A consumer's marks: which scopes a site follows and how far it has come in
 * each. Kept as one silent record for each site (TB_COLL_CONSUMER, key: the
 * site's id), so that a site costs nothing while it is idle.
 */
#ifndef TB_KERNEL_CONSUMER_H
#define TB_KERNEL_CONSUMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "kernel/store.h"
#include "kernel/view.h"

/* Numbers from first to last, both acknowledged, and all entries of the
 * subscription between them. */
struct tb_range {
	uint64_t first;
	uint64_t last;
};

/* More acknowledged islands than this are not kept; what they held is
 * delivered again, which harms nobody. */
#define TB_RANGES_MAX 4096
#define TB_SUBSCRIPTIONS_MAX 1024

struct tb_subscription {
	uint64_t scope;
	uint64_t acked;          /* everything up to here is acknowledged */
	uint64_t delivered;      /* everything up to here was sent once */
	uint64_t own_above;      /* its own changes are sent back up to here (it
				  * initialised), and left out above */
	struct tb_range *ranges; /* acknowledged above `acked`, in order */
	size_t n_ranges;
};

enum tb_init_state {
	TB_INIT_NEW,
	TB_INIT_STARTED,
	TB_INIT_COMPLETED,
	TB_INIT_ERROR,
};

struct tb_consumer {
	uint32_t site_id;
	struct tb_subscription *subs; /* in the order of their scopes */
	size_t n_subs;
	enum tb_init_state init;
	uint64_t central_to;    /* the last central cursor it showed; 0: it
				 * does not read the central feed */
	uint64_t central_floor; /* the feed's floor when it last began at 0:
				 * what had gone by then it never needed */
	uint64_t quarantined;   /* entries in its quarantine */
	uint64_t quarantined_bytes;
	int64_t last_push_us;
	int64_t last_pull_us;
	int64_t clock_skew_us; /* its Date header less our clock */
	int64_t seen_us;
};

/* The marks of a site, or of one that has none yet (zeroed, no error). */
enum tb_err tb_consumer_load(struct tb_view *view, uint32_t site_id,
			     struct tb_consumer *ret) tb_must_check;
enum tb_err tb_consumer_read(struct tb_tx *tx, struct tb_arena *arena,
			     uint32_t org, uint32_t site_id,
			     struct tb_consumer *ret) tb_must_check;
enum tb_err tb_consumer_save(struct tb_view *view,
			     const struct tb_consumer *consumer) tb_must_check;

/* The subscription to a scope, or NULL. */
struct tb_subscription *
tb_consumer_subscription(const struct tb_consumer *consumer, uint64_t scope);
/* Adds one that starts at the scope's beginning; one that is there already
 * stays as it is. TOO_LARGE: too many. */
enum tb_err tb_consumer_subscribe(struct tb_arena *arena,
				  struct tb_consumer *consumer,
				  uint64_t scope) tb_must_check;
void tb_consumer_unsubscribe(struct tb_consumer *consumer, uint64_t scope);

/* True if an entry of a record is in the site's queue: the site follows its
 * scope, has not acknowledged it, and it is not its own. */
bool tb_consumer_is_queued(const struct tb_consumer *consumer,
			   const struct tb_entry *entry);
/* True if the record has such an entry. */
bool tb_consumer_awaits(const struct tb_consumer *consumer,
			const struct tb_record *record);

/* True if a number is acknowledged. */
bool tb_subscription_is_acked(const struct tb_subscription *sub, uint64_t num);

#endif
