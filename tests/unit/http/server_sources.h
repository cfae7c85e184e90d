/*
 * The test server's bodies that are made while they are sent. What a request
 * wants of one comes in its query; see the table in server_sources.c.
 */
#ifndef TB_TESTS_SERVER_SOURCES_H
#define TB_TESTS_SERVER_SOURCES_H

#include "http/request.h"
#include "http/response.h"

/* On a worker. */
void sources_get(void *state, const struct tb_request *req,
		 struct tb_response *res);
/* On an I/O thread. */
bool sources_get_quick(void *state, const struct tb_request *req,
		       struct tb_response *res);
/* How many there were, are left, and wait at the gate, and their pieces. */
bool sources_get_counts(void *state, const struct tb_request *req,
			struct tb_response *res);
/* Lets those go on that wait. */
bool sources_open_gate(void *state, const struct tb_request *req,
		       struct tb_response *res);

#endif
