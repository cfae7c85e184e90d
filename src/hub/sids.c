#include "hub/sids.h"

#include <sys/random.h>

#include "base/alloc.h"
#include "hub/client.h"

#define SID_BYTES 15
#define PLACES_MAX ((size_t)1 << 20)

static void fill(uint8_t *to, size_t n)
{
	size_t at = 0;

	while (at < n) {
		ssize_t got = getrandom(to + at, n - at, 0);

		/* The call itself cannot fail on the kernels that there are;
		 * only a signal may cut it short. */
		if (got > 0)
			at += (size_t)got;
	}
}

void tb_sid_make(char ret[TB_SID_LEN])
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789-_";
	uint8_t random[SID_BYTES];

	fill(random, sizeof(random));
	for (size_t i = 0; i < SID_BYTES / 3; i++) {
		const uint8_t *from = random + 3 * i;
		uint32_t three = (uint32_t)from[0] << 16 |
				 (uint32_t)from[1] << 8 | from[2];
		for (size_t k = 0; k < 4; k++)
			ret[4 * i + k] = digits[three >> (18 - 6 * k) & 63];
	}
}

enum tb_err tb_sids_init(struct tb_sids *sids, size_t clients)
{
	size_t n = TB_SIDS_LOCKS;

	while (n < clients && n < PLACES_MAX)
		n *= 2;
	sids->places = tb_calloc(n, sizeof(struct tb_client *));
	if (sids->places == NULL)
		return TB_ERR_NOMEM;
	sids->mask = n - 1;
	for (size_t i = 0; i < TB_SIDS_LOCKS; i++)
		pthread_mutex_init(&sids->locks[i], NULL);
	return TB_OK;
}

void tb_sids_fini(struct tb_sids *sids)
{
	if (sids->places == NULL)
		return;
	for (size_t i = 0; i < TB_SIDS_LOCKS; i++)
		pthread_mutex_destroy(&sids->locks[i]);
	tb_free(sids->places);
	*sids = (struct tb_sids) { 0 };
}

static struct tb_str sid_of(const struct tb_client *client)
{
	return tb_str(client->sid, TB_SID_LEN);
}

static size_t place_of(const struct tb_sids *sids, struct tb_str sid)
{
	return tb_str_hash(sid) & sids->mask;
}

static pthread_mutex_t *lock_of(struct tb_sids *sids, size_t place)
{
	return &sids->locks[place % TB_SIDS_LOCKS];
}

void tb_sids_add(struct tb_sids *sids, struct tb_client *client)
{
	size_t place = place_of(sids, sid_of(client));
	pthread_mutex_t *lock = lock_of(sids, place);

	pthread_mutex_lock(lock);
	client->next_sid = sids->places[place];
	sids->places[place] = client;
	pthread_mutex_unlock(lock);
}

void tb_sids_remove(struct tb_sids *sids, struct tb_client *client)
{
	size_t place = place_of(sids, sid_of(client));
	pthread_mutex_t *lock = lock_of(sids, place);
	struct tb_client **at;

	pthread_mutex_lock(lock);
	for (at = &sids->places[place]; *at != client; at = &(*at)->next_sid)
		;
	*at = client->next_sid;
	pthread_mutex_unlock(lock);
}

struct tb_client *tb_sids_find(struct tb_sids *sids, struct tb_str sid)
{
	size_t place = place_of(sids, sid);
	pthread_mutex_t *lock = lock_of(sids, place);
	struct tb_client *client;

	pthread_mutex_lock(lock);
	client = sids->places[place];
	while (client != NULL && !tb_str_eq(sid_of(client), sid))
		client = client->next_sid;
	if (client != NULL)
		tb_client_ref(client);
	pthread_mutex_unlock(lock);
	return client;
}
