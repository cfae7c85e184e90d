/*
 * A fleet in one process: a centre on any store with a clock and commits of
 * its own, and sites that push, pull, acknowledge and lose answers. Used by
 * the simulation and by the kernel's tests.
 */
#ifndef TB_TESTS_SIM_FLEET_H
#define TB_TESTS_SIM_FLEET_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/core.h"
#include "kernel/delivery.h"
#include "kernel/push.h"

#define FLEET_ORG 1u

struct centre {
	struct tb_store *store; /* owned */
	const struct tb_declaration *declaration;
	struct tb_core *core;
	int64_t now_us;
	/* What happens between a page's snapshot and its mark; NULL: nothing.
	 */
	void (*before_mark)(void *ctx);
	void *before_mark_ctx;
};

/* The declaration of most tests: `item` is central, `transact` goes to the
 * store in store_ID, and when final to other_store_ID, `trans_line` with its
 * parent, `note` to its store, where the centre wins conflicts, `patient` to
 * its store, with a field of each type, whose `doctor` the centre wins. */
extern const struct tb_declaration fleet_declaration;

/* A centre on a store; org FLEET_ORG exists. Takes over the store. */
void centre_open(struct centre *centre, struct tb_store *store);
/* The same with another declaration (borrowed). */
void centre_open_declared(struct centre *centre, struct tb_store *store,
			  const struct tb_declaration *declaration);
/* The declaration is another one from now on, as after a restart. */
void centre_declare(struct centre *centre,
		    const struct tb_declaration *declaration);
void centre_close(struct centre *centre);
struct tb_store *memory_store(void);

void centre_add_site(struct centre *centre, const char *id, bool central);
void centre_add_store(struct centre *centre, const char *id, const char *site);
/* The store is active on this site from now on; "": on none. */
void centre_move_store(struct centre *centre, const char *id, const char *site);
/* The site begins anew, also while it is initialising. */
void centre_initialise(struct centre *centre, uint32_t site);

/* Pushes one record as a site (0: the centre); asserts that the commit is
 * well and gives the outcome. */
struct tb_push_item centre_push(struct centre *centre, uint32_t site,
				bool central, enum tb_push_action action,
				const char *table, const char *id,
				const char *data);
/* The same, giving the commit's error, for stores that fail. */
enum tb_err centre_try_push(struct centre *centre, uint32_t site, bool central,
			    struct tb_push_item *items, size_t n);

/* One row of a page, copied. */
struct row {
	enum tb_delivery_action action;
	uint64_t sequence;
	uint32_t origin;
	char table[32];
	char id[64];
	char data[256];
};
struct page {
	struct row rows[512];
	size_t n;
	size_t max;
	uint64_t last;
};

/* A site's queue as it is now, marked as delivered. */
void centre_pull(struct centre *centre, uint32_t site, size_t limit,
		 struct page *ret);
/* RESYNC or OK. */
enum tb_err centre_pull_central(struct centre *centre, uint64_t cursor,
				size_t limit, bool skip_holes,
				struct page *ret);
size_t centre_ack(struct centre *centre, uint32_t site,
		  const struct tb_ack_item *items, size_t n);
size_t centre_ack_sequence(struct centre *centre, uint32_t site,
			   uint64_t sequence);
size_t centre_ack_id(struct centre *centre, uint32_t site, const char *id);
void centre_work(struct centre *centre);

#endif
