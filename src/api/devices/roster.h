/*
 * The peers that have joined, by their org and by their device. Thread-safe.
 */
#ifndef TB_API_DEVICES_ROSTER_H
#define TB_API_DEVICES_ROSTER_H

#include "api/devices/peer.h"

struct tb_roster;

struct tb_roster *tb_roster_create(void); /* NULL: no memory */
void tb_roster_destroy(
	struct tb_roster *roster); /* takes NULL; all have left */

/* On the peer's loop. It is found by its device once it has one. */
void tb_roster_add(struct tb_roster *roster, struct tb_peer *peer);
void tb_roster_add_device(struct tb_roster *roster, struct tb_peer *peer);
void tb_roster_remove(struct tb_roster *roster, struct tb_peer *peer);

bool tb_roster_has_org(struct tb_roster *roster, uint32_t org);
/* Tells all peers of an org, or of one of its devices (but for `except`, which
 * may be NULL), of CHANGES only those who follow some. They learn it on their
 * loops. Not to be called there. */
void tb_roster_tell_org(struct tb_roster *roster, uint32_t org,
			enum tb_told what);
void tb_roster_tell_device(struct tb_roster *roster, uint32_t org,
			   struct tb_str device, const struct tb_peer *except,
			   enum tb_told what);

#endif
