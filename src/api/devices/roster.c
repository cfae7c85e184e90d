#include "api/devices/roster.h"

#include <pthread.h>

#include "base/alloc.h"

/* Chains of both tables; powers of two. */
#define ORG_CHAINS 1024u
#define DEVICE_CHAINS 16384u

struct tb_roster {
	pthread_mutex_t lock;
	struct tb_peer *by_org[ORG_CHAINS];
	struct tb_peer *by_device[DEVICE_CHAINS];
};

struct tb_roster *tb_roster_create(void)
{
	struct tb_roster *roster = tb_calloc(1, sizeof(*roster));

	if (roster)
		pthread_mutex_init(&roster->lock, NULL);
	return roster;
}

void tb_roster_destroy(struct tb_roster *roster)
{
	if (!roster)
		return;
	pthread_mutex_destroy(&roster->lock);
	tb_free(roster);
}

static struct tb_peer **org_chain(struct tb_roster *roster, uint32_t org)
{
	return &roster->by_org[org & (ORG_CHAINS - 1)];
}

static struct tb_peer **device_chain(struct tb_roster *roster, uint32_t org,
				     struct tb_str device)
{
	return &roster->by_device[(tb_str_hash(device) + org) &
				  (DEVICE_CHAINS - 1)];
}

void tb_roster_add(struct tb_roster *roster, struct tb_peer *peer)
{
	struct tb_peer **chain = org_chain(roster, peer->org);

	pthread_mutex_lock(&roster->lock);
	peer->org_next = *chain;
	peer->org_link = chain;
	if (*chain)
		(*chain)->org_link = &peer->org_next;
	*chain = peer;
	pthread_mutex_unlock(&roster->lock);
}

void tb_roster_add_device(struct tb_roster *roster, struct tb_peer *peer)
{
	struct tb_peer **chain =
		device_chain(roster, peer->org, tb_str_z(peer->device));

	pthread_mutex_lock(&roster->lock);
	peer->device_next = *chain;
	peer->device_link = chain;
	if (*chain)
		(*chain)->device_link = &peer->device_next;
	*chain = peer;
	pthread_mutex_unlock(&roster->lock);
}

void tb_roster_remove(struct tb_roster *roster, struct tb_peer *peer)
{
	pthread_mutex_lock(&roster->lock);
	if (peer->org_link) {
		*peer->org_link = peer->org_next;
		if (peer->org_next)
			peer->org_next->org_link = peer->org_link;
	}
	if (peer->device_link) {
		*peer->device_link = peer->device_next;
		if (peer->device_next)
			peer->device_next->device_link = peer->device_link;
	}
	peer->org_link = NULL;
	peer->device_link = NULL;
	pthread_mutex_unlock(&roster->lock);
}

bool tb_roster_has_org(struct tb_roster *roster, uint32_t org)
{
	struct tb_peer *peer;

	pthread_mutex_lock(&roster->lock);
	peer = *org_chain(roster, org);
	while (peer && peer->org != org)
		peer = peer->org_next;
	pthread_mutex_unlock(&roster->lock);
	return peer != NULL;
}

static void on_told(struct tb_client *client, void *arg)
{
	struct tb_peer *peer = arg;

	(void)client;
	tb_peer_on_told(peer);
	tb_peer_unref(peer);
}

/* With the lock held, so that the client is not gone. Who was told something
 * and has not heard it yet hears of all at once. */
static void tell(struct tb_peer *peer, enum tb_told what)
{
	if (atomic_fetch_or(&peer->told, what) != 0)
		return;
	if (tb_client_run(peer->client, on_told, tb_peer_ref(peer)))
		return;
	/* Without memory it cannot be told: it is to come again. */
	atomic_store(&peer->told, 0);
	tb_client_close(peer->client);
	tb_peer_unref(peer);
}

void tb_roster_tell_org(struct tb_roster *roster, uint32_t org,
			enum tb_told what)
{
	struct tb_peer *peer;

	pthread_mutex_lock(&roster->lock);
	for (peer = *org_chain(roster, org); peer; peer = peer->org_next) {
		if (peer->org != org)
			continue;
		if (what != TB_TOLD_CHANGES || atomic_load(&peer->follows))
			tell(peer, what);
	}
	pthread_mutex_unlock(&roster->lock);
}

void tb_roster_tell_device(struct tb_roster *roster, uint32_t org,
			   struct tb_str device, const struct tb_peer *except,
			   enum tb_told what)
{
	struct tb_peer *peer;

	pthread_mutex_lock(&roster->lock);
	for (peer = *device_chain(roster, org, device); peer;
	     peer = peer->device_next) {
		if (peer != except && peer->org == org &&
		    tb_str_eq(tb_str_z(peer->device), device))
			tell(peer, what);
	}
	pthread_mutex_unlock(&roster->lock);
}
