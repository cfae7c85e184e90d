/*
 * The text of examples/clinic.yaml, which the build puts into the program
 * (tools/embed.py), so that the demo needs no file. Constant.
 */
#ifndef TB_APP_DEMO_YAML_H
#define TB_APP_DEMO_YAML_H

#include <stddef.h>

extern const char tb_demo_yaml[]; /* a NUL behind it */
extern const size_t tb_demo_yaml_bytes;

#endif
