/*
 * The hub, for the files of this folder.
 */
#ifndef TB_HUB_INNER_H
#define TB_HUB_INNER_H

#include "http/budget.h"
#include "hub/hub.h"
#include "hub/loop.h"
#include "hub/sids.h"
#include "realtime/eio_session.h"
#include "realtime/sio_session.h"

struct tb_hub {
	struct tb_hub_options options;
	struct tb_hub_app app;
	struct tb_eio_options eio;
	struct tb_sio_options sio;
	struct tb_sids sids;
	struct tb_budget inbound;
	_Atomic size_t n_clients;    /* those that are about to be, too */
	_Atomic size_t n_broadcasts; /* that are not through */
	_Atomic bool is_stopping;
	_Atomic uint32_t next_loop;
	size_t n_loops;
	struct tb_loop *loops;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t n_stopped; /* loops, under the lock */
};

/* A place for one more client. False: there are as many as may be. */
bool tb_hub_admit(struct tb_hub *hub);
void tb_hub_dismiss(struct tb_hub *hub);
/* Where a new client is to live. */
struct tb_loop *tb_hub_loop(struct tb_hub *hub);
/* A loop has no clients any more, and will get none. */
void tb_hub_loop_stopped(struct tb_hub *hub);

#endif
