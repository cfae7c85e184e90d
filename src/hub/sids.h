/*
 * The ids of sessions, which are secrets, and which client has which. A table
 * of a fixed number of places with some locks; from any thread.
 */
#ifndef TB_HUB_SIDS_H
#define TB_HUB_SIDS_H

#include <pthread.h>
#include <stddef.h>

#include "base/str.h"

struct tb_client;

/* Base64url of 15 random bytes. */
#define TB_SID_LEN 20

void tb_sid_make(char ret[TB_SID_LEN]);

#define TB_SIDS_LOCKS 64

struct tb_sids {
	struct tb_client **places; /* lists of clients */
	size_t mask;
	pthread_mutex_t locks[TB_SIDS_LOCKS];
};

/* For about so many clients. NOMEM. */
enum tb_err tb_sids_init(struct tb_sids *sids, size_t clients) tb_must_check;
void tb_sids_fini(struct tb_sids *sids); /* takes a zeroed one */

void tb_sids_add(struct tb_sids *sids, struct tb_client *client);
void tb_sids_remove(struct tb_sids *sids, struct tb_client *client);
/* A reference to the client; NULL: there is none. */
struct tb_client *tb_sids_find(struct tb_sids *sids, struct tb_str sid);

#endif
