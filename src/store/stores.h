/*
 * The engines that are built in, as stores.def lists them. Everybody else
 * asks tb_store_find for one by its name.
 */
#ifndef TB_STORE_STORES_H
#define TB_STORE_STORES_H

#include "kernel/store.h"

#define TB_STORE(name) extern const struct tb_store_ops tb_store_##name;
#include "store/stores.def"
#undef TB_STORE

#endif
