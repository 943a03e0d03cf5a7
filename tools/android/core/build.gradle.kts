plugins {
    `java-library`
    alias(libs.plugins.kotlin.jvm)
}

kotlin {
    jvmToolchain(17)
}

dependencies {
    api(libs.serialization.json)
    testImplementation(libs.junit)
}

// Golden values, which host_build.py writes.
tasks.test {
    systemProperty("golden.values", rootDir.resolve("../golden_values/build/values").path)
}
