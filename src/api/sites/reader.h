/*
 * Sites as readers of the central feed. Deletions are kept in the feed until
 * every reader has passed them, so that a site reads it is durable before its
 * first page leaves; how far it has come since is noted in memory, as what is
 * stored is then only less.
 */
#ifndef TB_API_SITES_READER_H
#define TB_API_SITES_READER_H

#include "api/sites/call.h"

/* True if the site may read on from `cursor` while the feed's floor is
 * `floor`, as far as is known in memory; `*ret_floor` is its own. */
bool tb_sites_reader_is_known(const struct tb_sites_call *call, uint64_t cursor,
			      uint64_t floor, uint64_t *ret_floor);
/* The same from the store, where it may have to be written down first.
 * RESYNC: it has to start over. */
enum tb_err tb_sites_reader_admit(const struct tb_sites_call *call,
				  uint64_t cursor, uint64_t floor,
				  uint64_t *ret_floor) tb_must_check;
/* The same for who only looks: nothing is written down, and one that may not
 * read on has the floor 0. */
enum tb_err tb_sites_reader_look(struct tb_sites *sites, struct tb_arena *arena,
				 const struct tb_principal *site,
				 uint64_t cursor, uint64_t floor,
				 uint64_t *ret_floor) tb_must_check;
/* The site is given what follows `cursor`. */
void tb_sites_reader_note(const struct tb_sites_call *call, uint64_t cursor,
			  uint64_t floor);
/* The site starts over; called before it does. */
void tb_sites_reader_forget(const struct tb_sites_call *call);

#endif
