/*
 * An emission as it is sent: written once, on whatever thread asks for it, for
 * one client or for all. Immutable.
 */
#ifndef TB_HUB_LETTER_H
#define TB_HUB_LETTER_H

#include "hub/hub.h"
#include "realtime/eio_message.h"

struct tb_letter {
	struct tb_str nsp; /* behind the messages */
	size_t n;
	struct tb_eio_message *messages[];
};

/* INVALID: text that cannot be sent; TOO_LARGE, NOMEM. */
enum tb_err tb_letter_create_event(const struct tb_emission *emission,
				   struct tb_letter **ret) tb_must_check;
enum tb_err tb_letter_create_ack(const struct tb_emission *emission,
				 uint64_t id,
				 struct tb_letter **ret) tb_must_check;
/* A message of Engine.IO's, in no namespace. */
enum tb_err tb_letter_create(struct tb_str message, bool is_binary,
			     struct tb_letter **ret) tb_must_check;
void tb_letter_destroy(struct tb_letter *letter); /* takes NULL */

#endif
