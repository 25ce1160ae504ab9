package org.shapes.words;

public final class Words {
    public static String greeting() {
        return "Hello from below";
    }
}
