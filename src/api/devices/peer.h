/*
 * A realtime client as this API knows it, from the moment it asks to join
 * until it has left.
 *
 * A peer is its client's loop's: but for what is marked otherwise only
 * functions that run there touch it. What is done on workers (task.h) gets
 * copies and comes back to the loop. Counted; whoever keeps one across threads
 * keeps a reference.
 */
#ifndef TB_API_DEVICES_PEER_H
#define TB_API_DEVICES_PEER_H

#include <stdatomic.h>

#include "api/devices/flow.h"
#include "api/devices/subscribe.h"
#include "auth/principal.h"
#include "hub/hub.h"

struct tb_realtime;
struct tb_task;

enum tb_peer_state {
	TB_PEER_ASKING, /* to join */
	TB_PEER_JOINED,
	TB_PEER_GONE, /* nothing is done for it any more */
};

/* What a peer may be told, a mask (roster.h). */
enum tb_told {
	TB_TOLD_CHANGES = 1,      /* something has changed in its org */
	TB_TOLD_CHECK = 2,        /* its token may have ended */
	TB_TOLD_ACKNOWLEDGED = 4, /* somebody acknowledged for its device */
};

struct tb_peer {
	/* Set once, before others see it. */
	struct tb_realtime *realtime;
	struct tb_client *client; /* alive until the peer is GONE */
	uint64_t id;              /* random; names it in what it sends */

	atomic_uint refs;
	atomic_uint told;    /* what it was not told yet */
	atomic_bool follows; /* it has subscriptions */

	/* Under the lock of all peers (roster.c). */
	struct tb_peer *org_next;
	struct tb_peer **org_link; /* what points to it; NULL: it is not in */
	struct tb_peer *device_next;
	struct tb_peer **device_link;

	/* The loop's. Of these `org` and `device` do not change once the peer
	 * is among the others. */
	enum tb_peer_state state;
	uint32_t org;
	const struct tb_principal *principal; /* a reference; NULL: none */
	char *token;                          /* NULL: it came without one */
	int64_t expires_us;                   /* its end, by the wall clock */
	char *device;                         /* NULL: it is nobody's */
	struct tb_flow flow;
	struct tb_subscriptions subscriptions;
	struct tb_task *held; /* an event that waits until the client reads */
	size_t held_backlog;  /* the least that waited for it since then, and */
	int64_t held_until_us; /* when it has not read for too long */
	bool is_checking;      /* its token, on a worker */
	bool checks_again;     /* and once more behind that */
	int64_t poll_us;       /* when to go on; 0: nothing waits */
	int64_t tick_us;       /* of its flow; 0: none */
};

/* One reference. NULL: no memory. */
struct tb_peer *tb_peer_create(struct tb_realtime *realtime,
			       struct tb_client *client);
struct tb_peer *tb_peer_ref(struct tb_peer *peer);
void tb_peer_unref(struct tb_peer *peer); /* takes NULL */

/* All of these on the loop. */

struct tb_str tb_peer_device(const struct tb_peer *peer); /* or empty */
/* False: a site, which only follows changes. */
bool tb_peer_gets_events(const struct tb_peer *peer);
/* Its bytes that wait, against devices.outbox_bytes. Past it nothing is sent
 * live; pages and changes are sent while less than half of it waits. */
bool tb_peer_is_full(const struct tb_peer *peer);
bool tb_peer_has_room(const struct tb_peer *peer);
/* How much of `change`s or a page may be read for it now. */
size_t tb_peer_room(const struct tb_peer *peer);
void tb_peer_emit(struct tb_peer *peer, const char *name, struct tb_str arg);
/* {"error":text}; also to the callback of the event that it is about (NULL:
 * none). */
void tb_peer_emit_error(struct tb_peer *peer,
			const struct tb_client_event *event,
			struct tb_str text);

/* An event of its waits until its client reads, which must happen in the time
 * in which any client is found gone: meanwhile it is not read either, so that
 * no ping is missed. */
void tb_peer_hold(struct tb_peer *peer, struct tb_task *task);
/* Does what waits and can be done now. */
void tb_peer_go_on(struct tb_peer *peer);
/* Goes on after a while: its client reads slowly, or something failed. */
void tb_peer_go_on_later(struct tb_peer *peer, bool has_failed);
/* Sets the client's timer to whatever comes first. */
void tb_peer_set_timer(struct tb_peer *peer);
/* The client's time has come. */
void tb_peer_on_timer(struct tb_peer *peer);
/* It is told what stands in `told`. */
void tb_peer_on_told(struct tb_peer *peer);

/* It is a device's from now on, which gets what it has not acknowledged above
 * `first`. False: no memory. */
bool tb_peer_bind(struct tb_peer *peer, struct tb_str device, uint64_t first);
/* Nothing is done for it any more. */
void tb_peer_end(struct tb_peer *peer);

#endif
