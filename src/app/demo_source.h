/*
 * The source `shopify` of the demo, which is its own shop (app/demo_shop.h):
 * the shop runs in this process, beside the server, and its token is in a file
 * of the data, as any source's.
 */
#ifndef TB_APP_DEMO_SOURCE_H
#define TB_APP_DEMO_SOURCE_H

#include "app/config.h"
#include "app/demo_shop.h"

/* Gives a configuration that has the demo's collections, and no source of this
 * name, the source; `url` NULL: nobody is going to read it. It lives as long as
 * the configuration. */
enum tb_err tb_demo_add_source(struct tb_config *config,
			       const char *url) tb_must_check;

/* Starts the shop on a free port, and puts its token where the source looks for
 * it, in the folder of the data. */
enum tb_err tb_demo_start_shop(struct tb_config *config,
			       struct tb_demo_shop **ret) tb_must_check;

#endif
