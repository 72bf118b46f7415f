// The subset of the standard WebAssembly C API (wasm.h) and of wasmer.h that is
// asked of libwasmer, written by hand.
#ifndef YUNEI_API_H
#define YUNEI_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// wasm.h

typedef struct wasm_config_t wasm_config_t;
typedef struct wasm_engine_t wasm_engine_t;
typedef struct wasm_store_t wasm_store_t;
typedef struct wasm_module_t wasm_module_t;
typedef struct wasm_instance_t wasm_instance_t;
typedef struct wasm_trap_t wasm_trap_t;
typedef struct wasm_extern_t wasm_extern_t;
typedef struct wasm_func_t wasm_func_t;
typedef struct wasm_memory_t wasm_memory_t;
typedef struct wasm_global_t wasm_global_t;
typedef struct wasm_functype_t wasm_functype_t;
typedef struct wasm_importtype_t wasm_importtype_t;
typedef struct wasm_exporttype_t wasm_exporttype_t;
typedef struct wasm_externtype_t wasm_externtype_t;

enum { WASM_I32, WASM_I64 };

typedef struct {
  uint8_t kind;
  union {
    int32_t i32;
    int64_t i64;
    void *ref;
  } of;
} wasm_val_t;

#define VEC(name, type) \
  typedef struct {      \
    size_t size;        \
    type *data;         \
  } name
VEC(wasm_byte_vec_t, char);
VEC(wasm_val_vec_t, wasm_val_t);
VEC(wasm_extern_vec_t, wasm_extern_t *);
VEC(wasm_importtype_vec_t, wasm_importtype_t *);
VEC(wasm_exporttype_vec_t, wasm_exporttype_t *);

typedef wasm_trap_t *(*wasm_func_callback_with_env_t)(void *, const wasm_val_vec_t *, wasm_val_vec_t *);

extern wasm_config_t *wasm_config_new(void);
extern wasm_engine_t *wasm_engine_new_with_config(wasm_config_t *);
extern wasm_store_t *wasm_store_new(wasm_engine_t *);
extern wasm_module_t *wasm_module_new(wasm_store_t *, const wasm_byte_vec_t *);
extern wasm_module_t *wasm_module_deserialize(wasm_store_t *, const wasm_byte_vec_t *);
extern void wasm_module_serialize(const wasm_module_t *, wasm_byte_vec_t *);
extern bool wasm_module_validate(wasm_store_t *, const wasm_byte_vec_t *);
extern void wasm_module_imports(const wasm_module_t *, wasm_importtype_vec_t *);
extern void wasm_module_exports(const wasm_module_t *, wasm_exporttype_vec_t *);
extern const wasm_byte_vec_t *wasm_importtype_name(const wasm_importtype_t *);
extern const wasm_externtype_t *wasm_importtype_type(const wasm_importtype_t *);
extern const wasm_byte_vec_t *wasm_exporttype_name(const wasm_exporttype_t *);
extern const wasm_functype_t *wasm_externtype_as_functype_const(const wasm_externtype_t *);
extern wasm_func_t *wasm_func_new_with_env(wasm_store_t *, const wasm_functype_t *, wasm_func_callback_with_env_t, void *,
                                           void (*)(void *));
extern wasm_trap_t *wasm_func_call(const wasm_func_t *, const wasm_val_vec_t *, wasm_val_vec_t *);
extern wasm_extern_t *wasm_func_as_extern(wasm_func_t *);
extern wasm_func_t *wasm_extern_as_func(wasm_extern_t *);
extern wasm_memory_t *wasm_extern_as_memory(wasm_extern_t *);
extern wasm_global_t *wasm_extern_as_global(wasm_extern_t *);
extern void wasm_global_get(const wasm_global_t *, wasm_val_t *);
extern void wasm_global_set(wasm_global_t *, const wasm_val_t *);
extern char *wasm_memory_data(wasm_memory_t *);
extern size_t wasm_memory_data_size(const wasm_memory_t *);
extern wasm_instance_t *wasm_instance_new(wasm_store_t *, const wasm_module_t *, const wasm_extern_vec_t *, wasm_trap_t **);
extern void wasm_instance_exports(const wasm_instance_t *, wasm_extern_vec_t *);
extern void wasm_instance_delete(wasm_instance_t *);
extern void wasm_extern_vec_delete(wasm_extern_vec_t *);
extern void wasm_val_vec_delete(wasm_val_vec_t *);
extern void wasm_byte_vec_delete(wasm_byte_vec_t *);
extern void wasm_importtype_vec_delete(wasm_importtype_vec_t *);
extern void wasm_exporttype_vec_delete(wasm_exporttype_vec_t *);
extern wasm_trap_t *wasm_trap_new(wasm_store_t *, const wasm_byte_vec_t *);
extern void wasm_trap_delete(wasm_trap_t *);

// wasmer.h

enum { CRANELIFT, UNIVERSAL = 0 };
extern void wasm_config_set_compiler(wasm_config_t *, int);
extern void wasm_config_set_engine(wasm_config_t *, int);
extern void wasm_config_canonicalize_nans(wasm_config_t *, bool);

#endif
