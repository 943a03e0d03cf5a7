package com.google.ai.edge.litert.host

import com.sun.jna.Library
import com.sun.jna.Pointer

/** Functions of the headers in `litert/c`, each of which gives a status unless it destroys. */
internal interface LiteRtLibrary : Library {
    fun LiteRtCreateEnvironment(
        count: Int,
        options: Pointer?,
        environment: Pointer,
    ): Int

    fun LiteRtDestroyEnvironment(environment: Pointer)

    fun LiteRtCreateModelFromFile(
        environment: Pointer,
        file: String,
        model: Pointer,
    ): Int

    fun LiteRtDestroyModel(model: Pointer)

    fun LiteRtGetNumModelSignatures(
        model: Pointer,
        count: Pointer,
    ): Int

    fun LiteRtGetModelSignature(
        model: Pointer,
        index: Long,
        signature: Pointer,
    ): Int

    fun LiteRtGetSignatureKey(
        signature: Pointer,
        key: Pointer,
    ): Int

    fun LiteRtGetNumSignatureInputs(
        signature: Pointer,
        count: Pointer,
    ): Int

    fun LiteRtGetNumSignatureOutputs(
        signature: Pointer,
        count: Pointer,
    ): Int

    fun LiteRtGetSignatureInputName(
        signature: Pointer,
        index: Long,
        name: Pointer,
    ): Int

    fun LiteRtGetSignatureOutputName(
        signature: Pointer,
        index: Long,
        name: Pointer,
    ): Int

    fun LiteRtGetSignatureInputTensorByIndex(
        signature: Pointer,
        index: Long,
        tensor: Pointer,
    ): Int

    fun LiteRtGetSignatureOutputTensorByIndex(
        signature: Pointer,
        index: Long,
        tensor: Pointer,
    ): Int

    fun LiteRtGetRankedTensorType(
        tensor: Pointer,
        type: Pointer,
    ): Int

    fun LiteRtCreateOptions(options: Pointer): Int

    fun LiteRtDestroyOptions(options: Pointer)

    fun LiteRtSetOptionsHardwareAccelerators(
        options: Pointer,
        accelerators: Int,
    ): Int

    fun LiteRtCreateOpaqueOptions(
        identifier: String,
        payload: Pointer,
        destructor: Pointer,
        opaque: Pointer,
    ): Int

    fun LiteRtAddOpaqueOptions(
        options: Pointer,
        opaque: Pointer,
    ): Int

    fun LiteRtCreateCompiledModel(
        environment: Pointer,
        model: Pointer,
        options: Pointer,
        compiled: Pointer,
    ): Int

    fun LiteRtDestroyCompiledModel(compiled: Pointer)

    fun LiteRtCompiledModelIsFullyAccelerated(
        compiled: Pointer,
        whether: Pointer,
    ): Int

    fun LiteRtGetCompiledModelInputBufferRequirements(
        compiled: Pointer,
        signature: Long,
        index: Long,
        requirements: Pointer,
    ): Int

    fun LiteRtGetCompiledModelOutputBufferRequirements(
        compiled: Pointer,
        signature: Long,
        index: Long,
        requirements: Pointer,
    ): Int

    fun LiteRtCreateManagedTensorBufferFromRequirements(
        environment: Pointer,
        type: Pointer,
        requirements: Pointer,
        buffer: Pointer,
    ): Int

    fun LiteRtDestroyTensorBuffer(buffer: Pointer)

    fun LiteRtGetTensorBufferPackedSize(
        buffer: Pointer,
        size: Pointer,
    ): Int

    fun LiteRtLockTensorBuffer(
        buffer: Pointer,
        memory: Pointer,
        mode: Int,
    ): Int

    fun LiteRtUnlockTensorBuffer(buffer: Pointer): Int

    fun LiteRtRunCompiledModel(
        compiled: Pointer,
        signature: Long,
        inputCount: Long,
        inputs: Pointer,
        outputCount: Long,
        outputs: Pointer,
    ): Int
}
