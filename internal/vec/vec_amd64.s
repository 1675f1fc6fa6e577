#include "textflag.h"

// SSE2 has no unsigned maximum of words, but a saturating difference: with d = a -sat b,
// max(a, b) = b + d and min(a, b) = a - d.

// func max16SSE2(dst, src *uint16, n int)
TEXT ·max16SSE2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX

loop:
	MOVOU   (DI), X0
	MOVOU   (SI), X1
	PSUBUSW X1, X0
	PADDW   X1, X0
	MOVOU   X0, (DI)
	ADDQ    $16, DI
	ADDQ    $16, SI
	SUBQ    $8, CX
	JNZ     loop
	RET

// func range16SSE2(v *uint16, n int, x uint16, r *ranges)
TEXT ·range16SSE2(SB), NOSPLIT, $0-32
	MOVQ    v+0(FP), SI
	MOVQ    n+8(FP), CX
	MOVWLZX x+16(FP), AX
	MOVQ    r+24(FP), DI
	MOVQ    AX, X7
	PSHUFLW $0, X7, X7
	PSHUFD  $0, X7, X7    // x in every lane
	PCMPEQL X6, X6        // -1 in every lane
	MOVOU   (SI), X4      // least
	MOVO    X4, X5        // largest
	PXOR    X3, X3        // equal, in lanes of 32 bits

loop:
	MOVOU   (SI), X0
	MOVO    X4, X1
	PSUBUSW X0, X1
	PSUBW   X1, X4
	MOVO    X5, X2
	PSUBUSW X0, X2
	PADDW   X0, X2
	MOVO    X2, X5
	PCMPEQW X7, X0
	PMADDWL X6, X0        // -1 times -1, added in pairs
	PADDL   X0, X3
	ADDQ    $16, SI
	SUBQ    $8, CX
	JNZ     loop

	MOVOU X4, (DI)
	MOVOU X5, 16(DI)
	MOVOU X3, 32(DI)
	RET

// func interleaveSSE2(dst, even, odd *byte, n int)
TEXT ·interleaveSSE2(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ even+8(FP), SI
	MOVQ odd+16(FP), DX
	MOVQ n+24(FP), CX

loop:
	MOVOU     (SI), X0
	MOVOU     (DX), X1
	MOVO      X0, X2
	PUNPCKLBW X1, X0
	PUNPCKHBW X1, X2
	MOVOU     X0, (DI)
	MOVOU     X2, 16(DI)
	ADDQ      $16, SI
	ADDQ      $16, DX
	ADDQ      $32, DI
	SUBQ      $16, CX
	JNZ       loop
	RET

// func deinterleaveSSE2(even, odd, src *byte, n int)
TEXT ·deinterleaveSSE2(SB), NOSPLIT, $0-32
	MOVQ    even+0(FP), DI
	MOVQ    odd+8(FP), DX
	MOVQ    src+16(FP), SI
	MOVQ    n+24(FP), CX
	PCMPEQL X7, X7
	PSRLW   $8, X7        // the even byte of every word

loop:
	MOVOU    (SI), X0
	MOVOU    16(SI), X1
	MOVO     X0, X2
	MOVO     X1, X3
	PAND     X7, X0
	PAND     X7, X1
	PACKUSWB X1, X0
	PSRLW    $8, X2
	PSRLW    $8, X3
	PACKUSWB X3, X2
	MOVOU    X0, (DI)
	MOVOU    X2, (DX)
	ADDQ     $32, SI
	ADDQ     $16, DI
	ADDQ     $16, DX
	SUBQ     $16, CX
	JNZ      loop
	RET

// func range8SSE2(v *uint8, n int, x uint8, r *ranges8)
TEXT ·range8SSE2(SB), NOSPLIT, $0-32
	MOVQ      v+0(FP), SI
	MOVQ      n+8(FP), CX
	MOVBLZX   x+16(FP), AX
	MOVQ      r+24(FP), DI
	MOVQ      AX, X7
	PUNPCKLBW X7, X7
	PSHUFLW   $0, X7, X7
	PSHUFD    $0, X7, X7  // x in every lane
	PXOR      X6, X6
	MOVOU     (SI), X4    // least
	MOVO      X4, X5      // largest
	PXOR      X3, X3      // equal, in lanes of 64 bits

loop:
	MOVOU   (SI), X0
	PMINUB  X0, X4
	PMAXUB  X0, X5
	PCMPEQB X7, X0
	PXOR    X1, X1
	PSUBB   X0, X1        // 1 where equal
	PSADBW  X6, X1        // added up by eights
	PADDQ   X1, X3
	ADDQ    $16, SI
	SUBQ    $16, CX
	JNZ     loop

	MOVOU X4, (DI)
	MOVOU X5, 16(DI)
	MOVOU X3, 32(DI)
	RET
