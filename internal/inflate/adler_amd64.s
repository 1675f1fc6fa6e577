#include "textflag.h"

// Distances from the end of a block: 16 to 9, and 8 to 1.
DATA far<>+0(SB)/8, $0x000d000e000f0010
DATA far<>+8(SB)/8, $0x0009000a000b000c
GLOBL far<>(SB), RODATA|NOPTR, $16
DATA near<>+0(SB)/8, $0x0005000600070008
DATA near<>+8(SB)/8, $0x0001000200030004
GLOBL near<>(SB), RODATA|NOPTR, $16

// func adlerBlocks(p *byte, n int) (bytes, before, weighted uint32)
TEXT ·adlerBlocks(SB), NOSPLIT, $0-28
	MOVQ  p+0(FP), SI
	MOVQ  n+8(FP), CX
	PXOR  X0, X0            // zero
	PXOR  X1, X1            // bytes, in lanes 0 and 2
	PXOR  X2, X2            // before, in lanes 0 and 2
	PXOR  X3, X3            // weighted, in four lanes
	MOVOU far<>(SB), X6
	MOVOU near<>(SB), X7

loop:
	MOVOU     (SI), X4
	PADDL     X1, X2
	MOVO      X4, X5
	MOVO      X4, X8
	PUNPCKLBW X0, X5
	PUNPCKHBW X0, X8
	PSADBW    X0, X4
	PMADDWL   X6, X5
	PMADDWL   X7, X8
	PADDL     X4, X1
	PADDL     X5, X3
	PADDL     X8, X3
	ADDQ      $16, SI
	DECQ      CX
	JNZ       loop

	PSHUFD $0x4e, X1, X4
	PADDL  X4, X1
	MOVL   X1, bytes+16(FP)
	PSHUFD $0x4e, X2, X4
	PADDL  X4, X2
	MOVL   X2, before+20(FP)
	PSHUFD $0x4e, X3, X4
	PADDL  X4, X3
	PSHUFD $0xb1, X3, X4
	PADDL  X4, X3
	MOVL   X3, weighted+24(FP)
	RET
