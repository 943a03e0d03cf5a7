/*
 * A qemu plugin that counts executed Arm64 instructions.
 *
 * The program under test calls the system call MARK, which no kernel has;
 * at each call one line of counts so far goes to the file of `out=`: all
 * instructions, then the kinds of multiply-add below, in the order of KINDS in
 * counting.py. API: include/qemu/qemu-plugin.h of qemu 10.
 */
#include <qemu-plugin.h>
#include <stdio.h>
#include <string.h>

#define MARK 19277 /* also in inference_probe.py */

QEMU_PLUGIN_EXPORT int qemu_plugin_version = QEMU_PLUGIN_VERSION;

enum { ALL, FMLA32, FMLA16, DOT, MMLA, MLAL, KINDS };

/* Encodings: Arm Architecture Reference Manual, "Advanced SIMD". */
static const struct {
    uint32_t mask, value;
    int kind;
} ENCODINGS[] = {
    {0xBFE0FC00, 0x0E20CC00, FMLA32}, /* FMLA by vector, single */
    {0xBFC0F400, 0x0F801000, FMLA32}, /* FMLA by element, single */
    {0xBFE0FC00, 0x0E400C00, FMLA16}, /* FMLA by vector, half */
    {0xBFC0F400, 0x0F001000, FMLA16}, /* FMLA by element, half */
    {0x9FE0FC00, 0x0E809400, DOT},    /* SDOT, UDOT by vector */
    {0x9FC0F400, 0x0F80E000, DOT},    /* SDOT, UDOT by element */
    {0xDFE0F400, 0x4E80A400, MMLA},   /* SMMLA, UMMLA, USMMLA */
    {0x9F20FC00, 0x0E208000, MLAL},   /* SMLAL, UMLAL by vector */
    {0x9F00F400, 0x0F002000, MLAL},   /* SMLAL, UMLAL by element */
};

static qemu_plugin_u64 counts[KINDS];
static FILE *out;

static int kind_of(uint32_t code)
{
    for (size_t i = 0; i < sizeof ENCODINGS / sizeof *ENCODINGS; i++) {
        if ((code & ENCODINGS[i].mask) == ENCODINGS[i].value) {
            return ENCODINGS[i].kind;
        }
    }
    return ALL;
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *block)
{
    size_t length = qemu_plugin_tb_n_insns(block);
    uint64_t found[KINDS] = {[ALL] = length};
    for (size_t i = 0; i < length; i++) {
        uint32_t code = 0;
        qemu_plugin_insn_data(qemu_plugin_tb_get_insn(block, i), &code,
                              sizeof code);
        int kind = kind_of(code);
        found[kind] += kind != ALL;
    }
    for (int kind = 0; kind < KINDS; kind++) {
        if (found[kind]) {
            qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(
                block, QEMU_PLUGIN_INLINE_ADD_U64, counts[kind], found[kind]);
        }
    }
}

static void on_syscall(qemu_plugin_id_t id, unsigned int cpu, int64_t number,
                       uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
                       uint64_t a5, uint64_t a6, uint64_t a7, uint64_t a8)
{
    if (number != MARK) {
        return;
    }
    for (int kind = 0; kind < KINDS; kind++) {
        fprintf(out, "%" PRIu64 "%c", qemu_plugin_u64_sum(counts[kind]),
                kind + 1 < KINDS ? ' ' : '\n');
    }
    fflush(out);
}

QEMU_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id,
                                           const qemu_info_t *info, int argc,
                                           char **argv)
{
    if (strcmp(info->target_name, "aarch64") || argc != 1
        || strncmp(argv[0], "out=", 4) || !(out = fopen(argv[0] + 4, "w"))) {
        fprintf(stderr, "instructions: needs aarch64 and out=FILE\n");
        return 1;
    }
    for (int kind = 0; kind < KINDS; kind++) {
        counts[kind] = qemu_plugin_scoreboard_u64(
            qemu_plugin_scoreboard_new(sizeof(uint64_t)));
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    qemu_plugin_register_vcpu_syscall_cb(id, on_syscall);
    return 0;
}
