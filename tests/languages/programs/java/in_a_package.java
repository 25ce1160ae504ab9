/* public class Decoy { } */
package org.example.app;

import java.util.List;

public class Application {
    static final String TEXT = """
        public class Text { "quoted" }
        """;

    public static void main(String[] args) {
        System.out.println(Application.class.getName() + " " + TEXT.lines().count() + List.of());
    }
}
