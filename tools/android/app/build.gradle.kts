import com.android.build.api.variant.HostTestBuilder

plugins {
    alias(libs.plugins.android.application)
}

android {
    namespace = "org.kerasmobilevit.benchmark"
    compileSdk =
        libs.versions.target.sdk
            .get()
            .toInt()

    defaultConfig {
        applicationId = "org.kerasmobilevit.benchmark"
        minSdk =
            libs.versions.min.sdk
                .get()
                .toInt()
        targetSdk =
            libs.versions.target.sdk
                .get()
                .toInt()
        versionCode =
            libs.versions.app.code
                .get()
                .toInt()
        versionName =
            libs.versions.app
                .asProvider()
                .get()
        testInstrumentationRunner = "androidx.test.runner.AndroidJUnitRunner"
        buildConfigField("String", "LITERT_VERSION", "\"${libs.versions.litert.get()}\"")
        ndk {
            abiFilters += listOf("arm64-v8a", "x86_64")
        }
    }

    signingConfigs {
        create("release").apply {
            System.getenv("KEYSTORE_FILE")?.let { keystore ->
                storeFile = file(keystore)
                storePassword = System.getenv("KEYSTORE_PASSWORD")
                keyAlias = System.getenv("KEY_ALIAS")
                keyPassword = System.getenv("KEY_PASSWORD")
            }
        }
    }

    buildTypes {
        release {
            isMinifyEnabled = true
            isShrinkResources = true
            proguardFiles(
                getDefaultProguardFile("proguard-android-optimize.txt"),
                "proguard-rules.pro",
            )
            signingConfig =
                signingConfigs.getByName(
                    if (System.getenv("KEYSTORE_FILE") == null) "debug" else "release",
                )
        }
    }

    buildFeatures {
        buildConfig = true
    }

    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_17
        targetCompatibility = JavaVersion.VERSION_17
    }

    // LiteRT maps models and libraries from the APK as they lie there.
    androidResources {
        noCompress += "tflite"
    }
    packaging {
        jniLibs.useLegacyPackaging = false
    }
}

// The tests in src/test run with the desktop's LiteRT, in host_build.py.
androidComponents {
    beforeVariants { variant ->
        variant.hostTests[HostTestBuilder.UNIT_TEST_TYPE]?.enable = false
    }
}

// The models that the APK bundles, which are not committed.
val exportModels by tasks.registering(Exec::class) {
    val repository = rootDir.resolve("../..").canonicalFile
    val models = projectDir.resolve("src/main/assets/models")
    onlyIf { models.list { _, name -> name.endsWith(".tflite") }.isNullOrEmpty() }
    workingDir = repository
    commandLine(
        repository.resolve(".venv/bin/python").path,
        "tools/export_bundled_models.py",
        "--copy-to",
        models.path,
    )
}
tasks.named("preBuild") {
    dependsOn(exportModels)
}

dependencies {
    implementation(project(":core"))
    implementation(libs.litert)
    implementation(libs.litert.gpu)
    implementation(libs.serialization.json)
    androidTestImplementation(libs.androidx.test.runner)
    androidTestImplementation(libs.androidx.test.junit)
}
