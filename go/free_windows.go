package main

/*
#include <stdlib.h>

// GetProcAddress finds free only among a DLL's own exports, and the C runtime that allocated must
// be the one that frees. The export is an alias, because a function that is named free here would
// replace the runtime's own.
void checksig_release(void *memory) { free(memory); }
__asm__(".section .drectve\n\t.ascii \" -export:free=checksig_release\"\n\t.text");
*/
import "C"
