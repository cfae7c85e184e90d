/*
 * Realtime clients: Socket.IO sessions over Engine.IO, by polling or by
 * WebSocket, on event loop threads of their own. The hub knows transport and
 * protocol; what clients may do is said by the app that is handed in.
 *
 * A client lives on one loop thread. The app's functions are called there, one
 * at a time for each client, and must not block. The functions of clients may
 * be called on any thread; what they ask for is done on the client's loop, in
 * the order in which one thread asked. A client that is gone takes what is
 * asked of it to nothing.
 */
#ifndef TB_HUB_HUB_H
#define TB_HUB_HUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "http/request.h"
#include "http/response.h"

struct tb_hub;
struct tb_client;
struct tb_broadcast;

/* An event that a client sent. Slices are borrowed during the call. */
struct tb_client_event {
	struct tb_str nsp;
	struct tb_str name;
	struct tb_str args; /* JSON: the array behind the name; "[]" */
	const struct tb_str *attachments;
	size_t n_attachments;
	bool wants_ack;
	uint64_t id; /* for tb_client_ack */
};

struct tb_hub_app {
	/* A client asks to join a namespace: one of tb_client_accept and
	 * tb_client_refuse has to follow, now or later. `auth` is JSON, or
	 * empty. */
	void (*on_connect)(void *ctx, struct tb_client *client,
			   struct tb_str nsp, struct tb_str auth);
	/* False: it is being worked on; nothing more of this client is read
	 * until tb_client_resume. */
	bool (*on_event)(void *ctx, struct tb_client *client,
			 const struct tb_client_event *event);
	/* It left a namespace that it was in; also when it is gone. NULL:
	 * nobody asks. */
	void (*on_leave)(void *ctx, struct tb_client *client,
			 struct tb_str nsp);
	/* It is gone, for a reason that is said as the protocol's users know
	 * it; perhaps while an event of its is being worked on. The last call
	 * for this client, which may never have asked for a namespace. */
	void (*on_gone)(void *ctx, struct tb_client *client,
			const char *reason);
	/* Its outbox was too full for a message, which was dropped
	 * (tb_client_emit, a broadcast); so may be others from then on, until
	 * it is said, once, that half of it is free again. There is room for
	 * answers beyond that (tb_client_ack, tb_client_accept, ...); a client
	 * that has no room for those is disconnected. NULL: it is disconnected
	 * at once. */
	void (*on_full)(void *ctx, struct tb_client *client);
	void (*on_room)(void *ctx, struct tb_client *client);
	/* True if a broadcast with this tag is for the client. NULL: all who
	 * are in its namespace get it. */
	bool (*wants)(void *ctx, struct tb_client *client, uint64_t tag,
		      void *broadcast_data);
	/* The client's time has come (tb_client_set_timer). NULL: none is set.
	 */
	void (*on_timer)(void *ctx, struct tb_client *client);
	/* Not NULL: the hub speaks Engine.IO alone, and hands on what clients
	 * say as it is (of text it has not checked that it is UTF-8). As
	 * on_event; of the other functions on_gone, on_full, on_room and
	 * on_timer are called then. */
	bool (*on_message)(void *ctx, struct tb_client *client,
			   struct tb_str message, bool is_binary);
	void *ctx;
};

struct tb_hub_options {
	uint32_t loops; /* threads; 2 */
	uint32_t ping_interval_ms;
	uint32_t ping_timeout_ms;
	uint32_t upgrade_timeout_ms;
	uint32_t connect_timeout_ms; /* to the first namespace */
	uint32_t close_timeout_ms;
	uint32_t max_payload_bytes; /* of a post, a message, a frame */
	uint32_t outbox_max_bytes;  /* of a client */
	uint32_t outbox_max_messages;
	uint32_t clients_max;
	uint32_t events_per_s; /* of a client, in bursts of twice as many; who
				* sends more is read no faster; 0: no limit */
	uint32_t nsps_max;     /* of a client */
	uint64_t inbound_max_bytes; /* of what all clients have sent in part;
				     * more is refused */
};
extern const struct tb_hub_options tb_hub_default_options;

/* The options are copied. NOMEM. */
enum tb_err tb_hub_create(const struct tb_hub_options *options,
			  const struct tb_hub_app *app,
			  struct tb_hub **ret) tb_must_check;
/* Ends all clients: waiting polls are answered, sockets closed; from now on
 * handshakes are answered 503. Returns when all are gone. To be called before
 * the HTTP server stops. */
void tb_hub_stop(struct tb_hub *hub);
/* When it is stopped, no request can come any more (the HTTP server has ended),
 * and nobody asks anything of clients. Takes NULL. */
void tb_hub_destroy(struct tb_hub *hub);
/* Clients that there are now. */
size_t tb_hub_clients(const struct tb_hub *hub);

/* Answer GET and POST of an endpoint such as /socket.io/: for routes' `quick`
 * functions, which always answer. A body may be of any content type. */
bool tb_hub_get(struct tb_hub *hub, const struct tb_request *req,
		struct tb_response *res);
bool tb_hub_post(struct tb_hub *hub, const struct tb_request *req,
		 struct tb_response *res);

/* ---- clients ---- */

struct tb_client *tb_client_ref(struct tb_client *client);
void tb_client_unref(struct tb_client *client); /* takes NULL */
/* The app's own; NULL until it is set. On any thread. */
void tb_client_set_data(struct tb_client *client, void *data);
void *tb_client_data(const struct tb_client *client);
/* Of the request that began it; lives as long as the client. */
struct tb_str tb_client_address(const struct tb_client *client);

void tb_client_accept(struct tb_client *client, struct tb_str nsp);
void tb_client_refuse(struct tb_client *client, struct tb_str nsp,
		      struct tb_str message);
/* What an event is made of: its arguments as JSON, and attachments, each with
 * its placeholder in the arguments. Copied. */
struct tb_emission {
	struct tb_str nsp;
	struct tb_str name;
	const struct tb_str *args;
	size_t n_args;
	const struct tb_str *attachments;
	size_t n_attachments;
};
void tb_client_emit(struct tb_client *client,
		    const struct tb_emission *emission);
/* Sends a message as it is; to an app that has on_message alone. Text is UTF-8
 * and has no byte 30 in it. */
void tb_client_send(struct tb_client *client, struct tb_str message,
		    bool is_binary);
/* Answers the event of this id. `emission->name` is not looked at. */
void tb_client_ack(struct tb_client *client, uint64_t id,
		   const struct tb_emission *emission);
/* Puts it out of a namespace; it may stay in others. */
void tb_client_leave(struct tb_client *client, struct tb_str nsp);
/* Ends it, when what waits has been sent. It may connect again by itself,
 * unless it was put out of its namespaces before. */
void tb_client_close(struct tb_client *client);
/* Goes on behind an event that on_event said false to. */
void tb_client_resume(struct tb_client *client);
/* Runs a function on the client's loop, also when it is gone; in order with
 * what else this thread asks for. False: it will not, there is no memory. */
bool tb_client_run(struct tb_client *client,
		   void (*run)(struct tb_client *client, void *arg), void *arg);
/* on_timer at this time (tb_clock_monotonic_us), in place of an earlier one;
 * 0: never. On the client's loop only. */
void tb_client_set_timer(struct tb_client *client, int64_t at_us);
/* Bytes in its outbox. On the client's loop only. */
size_t tb_client_backlog(const struct tb_client *client);

/* ---- broadcasts ---- */

/* Sends one event to all clients of a namespace that want it; it is encoded
 * once. Broadcasts of one thread reach each client in their order. `tag` and
 * `data` are for the app's `wants`; `drop` (may be NULL) is called with `data`
 * when it has been sent. NOMEM; BUSY: as many wait as may, since they are made
 * faster than they can be sent; `drop` is not called then. */
enum tb_err tb_hub_broadcast(struct tb_hub *hub,
			     const struct tb_emission *emission, uint64_t tag,
			     void *data,
			     void (*drop)(void *data)) tb_must_check;

#endif
