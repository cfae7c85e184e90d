/*
 * The life of a connection and of each request on it: what libmicrohttpd
 * calls, in the order in which it calls it. All on the I/O thread but for
 * tb_connection_work.
 */
#ifndef TB_HTTP_CONNECTION_H
#define TB_HTTP_CONNECTION_H

#include "http/exchange.h"

/* A connection was opened or is about to be closed. */
void tb_connection_notify(void *server, struct MHD_Connection *conn,
			  void **link,
			  enum MHD_ConnectionNotificationCode code);
/* A request line has come; the result is the exchange, or NULL. */
void *tb_connection_begin(void *server, const char *target,
			  struct MHD_Connection *conn);
/* The head has come, a piece of the body, the end of the body, or a worker is
 * through. */
enum MHD_Result tb_connection_handle(void *server, struct MHD_Connection *conn,
				     const char *url, const char *method,
				     const char *version, const char *upload,
				     size_t *upload_n, void **exchange);
/* The request is over, in one way or another. */
void tb_connection_end(void *server, struct MHD_Connection *conn,
		       void **exchange, enum MHD_RequestTerminationCode code);
/* Leaves the target as it was sent. */
size_t tb_connection_keep_escapes(void *server, struct MHD_Connection *conn,
				  char *text);

/* On a worker: does what the exchange's phase says and wakes its connection. */
void tb_connection_work(void *exchange);

#endif
