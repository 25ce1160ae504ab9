/// <reference path="@TARGET@" />
import told from "@TARGET@";
console.log(told);
