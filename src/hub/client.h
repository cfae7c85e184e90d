/*
 * A client on its loop: its sessions, and what of the outside belongs to them.
 * All but the counting of references is done on the loop's thread. Whoever
 * changes something touches the client; once in a turn it is settled: what its
 * session wants done is done.
 */
#ifndef TB_HUB_CLIENT_H
#define TB_HUB_CLIENT_H

#include "hub/inner.h"

struct tb_call;

/* Why nothing more of a client is taken, as bits. */
enum tb_hold {
	TB_HOLD_APP = 1,  /* an event of its is being worked on */
	TB_HOLD_RATE = 2, /* it has had its share for now */
};

/* What may be asked for without memory; at most once at a time. */
struct tb_ask {
	struct tb_command command;
	_Atomic bool is_asked;
};

struct tb_client {
	_Atomic uint32_t refs;
	uint32_t place; /* among the loop's */
	struct tb_loop *loop;
	struct tb_client *next_sid;
	struct tb_client *next_touched;
	struct tb_client *next_gone;
	struct tb_eio_session *eio; /* NULL: it is gone */
	struct tb_sio_session *sio; /* NULL: Engine.IO alone */
	struct tb_socket *socket;   /* the session's */
	struct tb_resting *poll;    /* that waits for its answer */
	struct tb_call *post;       /* whose messages are not all taken */
	_Atomic(void *) data;
	struct tb_timer timer;
	int64_t app_due_us;     /* 0: never */
	int64_t allowed_us;     /* all events until then are used up */
	int64_t rate_due_us;    /* the end of TB_HOLD_RATE */
	int64_t turn_us;        /* when the last message was taken */
	uint32_t n_in_turn;     /* those that were taken then */
	uint64_t inbound_bytes; /* of the budget */
	struct tb_ask close;
	struct tb_ask resume;
	struct tb_ask lost; /* something could not be asked for */
	_Atomic bool lost_answer;
	_Atomic uint32_t n_letters; /* asked for and not put yet */
	uint8_t holds;              /* enum tb_hold */
	bool is_touched;
	bool is_full; /* the app was told, or is about to be */
	bool full_due;
	uint8_t address_n;
	char sid[TB_SID_LEN];
	char address[];
};

/* A client that begins, for which there was a place; with a poll that waits, or
 * with a WebSocket. Takes over neither on failure. NULL: no memory. */
struct tb_client *tb_client_create(struct tb_loop *loop, struct tb_str address,
				   struct tb_resting *poll,
				   struct tb_socket *socket);
/* Sees that it is settled in this turn or the next. */
void tb_client_touch(struct tb_client *client);
/* Does what is to be done for it. */
void tb_client_settle(struct tb_client *client);
void tb_client_shut_down(struct tb_client *client);

/* Messages to it, all or none; it is to be settled or touched then. News are
 * bounded by the outbox's options; for answers there is more room, and who has
 * none for them is disconnected. */
void tb_client_put_news(struct tb_client *client,
			struct tb_eio_message *const *messages, size_t n);
void tb_client_put_answer(struct tb_client *client,
			  struct tb_eio_message *const *messages, size_t n);
/* News were lost. */
void tb_client_put_none(struct tb_client *client);

/* ---- intake.c ---- */

/* A message from it, for the app. */
void tb_client_take(struct tb_client *client,
		    const struct tb_eio_packet *message);
void tb_client_hold(struct tb_client *client, enum tb_hold why);
/* Goes on with what waited, if nothing holds it any more. */
void tb_client_release(struct tb_client *client, enum tb_hold why);
/* Gives back what its unfinished packets have taken of the budget. */
void tb_client_forget_inbound(struct tb_client *client);

/* ---- asks.c ---- */

void tb_client_init_asks(struct tb_client *client);

#endif
