/* One event for many clients: a command for each loop, which walks all its
 * clients. */
#include <stddef.h>

#include "base/alloc.h"
#include "hub/client.h"
#include "hub/letter.h"

/* Clients whose memory is fetched ahead of their turn. */
#define AHEAD 2
/* That some loop has not come to yet. */
#define BROADCASTS_MAX 8192

struct part {
	struct tb_command command;
	struct tb_broadcast *broadcast;
};

struct tb_broadcast {
	struct tb_hub *hub;
	struct tb_letter *letter;
	uint64_t tag;
	void *data;
	void (*drop)(void *data);
	_Atomic size_t n_left; /* loops that are not through with it */
	struct part parts[];
};

static void end_part(struct tb_broadcast *broadcast)
{
	if (atomic_fetch_sub(&broadcast->n_left, 1) > 1)
		return;
	atomic_fetch_sub(&broadcast->hub->n_broadcasts, 1);
	if (broadcast->drop != NULL)
		broadcast->drop(broadcast->data);
	tb_letter_destroy(broadcast->letter);
	tb_free(broadcast);
}

static bool is_for(struct tb_client *client,
		   const struct tb_broadcast *broadcast)
{
	const struct tb_hub_app *app = &client->loop->hub->app;

	return client->sio != NULL &&
	       tb_sio_session_is_connected(client->sio,
					   broadcast->letter->nsp) &&
	       (app->wants == NULL ||
		app->wants(app->ctx, client, broadcast->tag, broadcast->data));
}

/* Backwards, since a client that is sent to may be found gone, and the last one
 * takes its place. If nothing else is asked for, each is sent to at once; else
 * later, with whatever else there will be for it. */
static void run_part(struct tb_loop *loop, struct tb_command *command)
{
	struct part *part = (struct part *)command;
	struct tb_broadcast *broadcast = part->broadcast;
	const struct tb_letter *letter = broadcast->letter;
	bool is_alone = loop->is_last;

	for (size_t i = loop->n_clients; i > 0; i--) {
		struct tb_client *client = loop->clients[i - 1];
		if (i > AHEAD)
			__builtin_prefetch(loop->clients[i - 1 - AHEAD]);
		if (!is_for(client, broadcast))
			continue;
		tb_client_put_news(client, letter->messages, letter->n);
		if (is_alone)
			tb_client_settle(client);
		else
			tb_client_touch(client);
	}
	end_part(broadcast);
}

static enum tb_err create(struct tb_hub *hub,
			  const struct tb_emission *emission,
			  struct tb_broadcast **ret)
{
	struct tb_broadcast *broadcast = tb_calloc(
		1, sizeof(*broadcast) + hub->n_loops * sizeof(struct part));
	enum tb_err err;

	if (broadcast == NULL)
		return TB_ERR_NOMEM;
	err = tb_letter_create_event(emission, &broadcast->letter);
	if (err != TB_OK) {
		tb_free(broadcast);
		return err;
	}
	broadcast->hub = hub;
	*ret = broadcast;
	return TB_OK;
}

static void submit(struct tb_broadcast *broadcast)
{
	struct tb_hub *hub = broadcast->hub;

	atomic_store(&broadcast->n_left, hub->n_loops);
	for (size_t i = 0; i < hub->n_loops; i++) {
		struct part *part = &broadcast->parts[i];
		part->command.run = run_part;
		part->broadcast = broadcast;
	}
	/* It may be gone as soon as the last part is handed in. */
	for (size_t i = 0, n = hub->n_loops; i < n; i++)
		tb_loop_submit(&hub->loops[i], &broadcast->parts[i].command);
}

enum tb_err tb_hub_broadcast(struct tb_hub *hub,
			     const struct tb_emission *emission, uint64_t tag,
			     void *data, void (*drop)(void *data))
{
	struct tb_broadcast *broadcast;
	enum tb_err err = TB_ERR_BUSY;

	if (atomic_fetch_add(&hub->n_broadcasts, 1) < BROADCASTS_MAX)
		err = create(hub, emission, &broadcast);
	if (err != TB_OK) {
		atomic_fetch_sub(&hub->n_broadcasts, 1);
		return err;
	}
	broadcast->tag = tag;
	broadcast->data = data;
	broadcast->drop = drop;
	submit(broadcast);
	return TB_OK;
}
