/* heap.h — a heap that stays small for hours, under threads that each do a little. */
#ifndef HRV_HEAP_H
#define HRV_HEAP_H

/* One heap for all threads, without the caches of freed blocks that the C library gives each: a hundred threads'
 * caches, and the pieces that they keep apart, grew to 38 MB in two hours. The caches can be had off by GLIBC_TUNABLES
 * alone, which is read before main(): so this executes the program anew, once, with its arguments as they are. The
 * second time it returns, with the variable as the user has it; so it does where the program cannot be executed. To be
 * called before anything else. */
void hrv_heap_keep_small(char **argv);

#endif
