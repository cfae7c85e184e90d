/*
 * The peers that have joined, by their org and by their device. Thread-safe.
 */
#ifndef TB_API_DEVICES_PEERS_H
#define TB_API_DEVICES_PEERS_H

#include "api/devices/peer.h"

struct tb_peers;

struct tb_peers *tb_peers_create(void);        /* NULL: no memory */
void tb_peers_destroy(struct tb_peers *peers); /* takes NULL; all have left */

/* On the peer's loop. It is found by its device once it has one. */
void tb_peers_add(struct tb_peers *peers, struct tb_peer *peer);
void tb_peers_add_device(struct tb_peers *peers, struct tb_peer *peer);
void tb_peers_remove(struct tb_peers *peers, struct tb_peer *peer);

bool tb_peers_has_org(struct tb_peers *peers, uint32_t org);
/* Tells all peers of an org, or of one of its devices (but for `except`, which
 * may be NULL), of CHANGES only those who follow some. They learn it on their
 * loops. Not to be called there. */
void tb_peers_tell_org(struct tb_peers *peers, uint32_t org,
		       enum tb_told what);
void tb_peers_tell_device(struct tb_peers *peers, uint32_t org,
			  struct tb_str device, const struct tb_peer *except,
			  enum tb_told what);

#endif
