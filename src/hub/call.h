/*
 * A request that was handed over to a client's loop, or to one that is to have
 * a new client.
 */
#ifndef TB_HUB_CALL_H
#define TB_HUB_CALL_H

#include "http/later.h"
#include "hub/inner.h"

enum tb_call_kind {
	TB_CALL_HANDSHAKE,
	TB_CALL_HANDSHAKE_SOCKET,
	TB_CALL_POLL,
	TB_CALL_POST,
	TB_CALL_POST_TOO_LARGE, /* answered already */
	TB_CALL_SOCKET,
	TB_CALL_KINDS,
};

struct tb_call {
	struct tb_command command;
	struct tb_later later;
	struct tb_takeover takeover;
	struct tb_hub *hub;
	enum tb_call_kind kind;
	struct tb_client *client; /* a reference; NULL: a handshake */
	struct tb_resting *resting;
	int fd;
	struct tb_rest *early; /* what came behind the request */
	/* A post's messages, and those that were taken. */
	struct tb_eio_packet *messages;
	size_t n;
	size_t at;
	uint8_t address_n;
	char address[];
};

/* NULL: no memory. Takes a reference to the client, who may be NULL. */
struct tb_call *tb_call_create(struct tb_hub *hub, enum tb_call_kind kind,
			       struct tb_client *client, struct tb_str address);
void tb_call_destroy(struct tb_call *call);
/* To its loop. */
void tb_call_submit(struct tb_call *call);

/* ---- calls.c: on the loop ---- */

void tb_call_run(struct tb_loop *loop, struct tb_command *command);
/* Answers the client's waiting poll. False: it could not be. */
bool tb_call_answer_poll(struct tb_client *client, struct tb_str payload);
/* All of the client's post was taken. */
void tb_call_answer_post(struct tb_client *client);
/* The session is over; the post was not taken, or not all of it. */
void tb_call_refuse_post(struct tb_client *client);

/* {"code","message"}, with 400. */
void tb_call_put_fault(const struct tb_request *req, struct tb_response *res,
		       enum tb_eio_fault fault);

#endif
