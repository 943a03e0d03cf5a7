package org.kerasmobilevit.core

/** Results as a table for spreadsheets. */
object Csv {
    /**
     * One line for each result, below a line of names (RFC 4180: commas, CRLF, quotes doubled).
     * Texts that a spreadsheet would take for formulas get an apostrophe in front.
     */
    fun of(documents: List<ResultDocument>): String = TODO()
}
