/* One event for many clients: a command for each loop, which walks all its
 * clients. */
#include <stddef.h>

#include "base/alloc.h"
#include "hub/client.h"
#include "hub/letter.h"

/* Clients whose memory is fetched ahead of their turn. */
#define AHEAD 2

struct part {
	struct tb_command command;
	struct tb_broadcast *broadcast;
};

struct tb_broadcast {
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

enum tb_err tb_hub_broadcast(struct tb_hub *hub,
			     const struct tb_emission *emission, uint64_t tag,
			     void *data, void (*drop)(void *data))
{
	size_t n = hub->n_loops;
	struct tb_broadcast *broadcast =
		tb_malloc(sizeof(*broadcast) + n * sizeof(broadcast->parts[0]));
	enum tb_err err = TB_ERR_NOMEM;
	struct tb_letter *letter = NULL;

	if (broadcast != NULL)
		err = tb_letter_create_event(emission, &letter);
	if (err != TB_OK) {
		tb_free(broadcast);
		return err;
	}
	*broadcast = (struct tb_broadcast) { letter, tag, data, drop, n };
	for (size_t i = 0; i < n; i++) {
		broadcast->parts[i] = (struct part) {
			.command.run = run_part,
			.broadcast = broadcast,
		};
		tb_loop_submit(&hub->loops[i], &broadcast->parts[i].command);
	}
	return TB_OK;
}
